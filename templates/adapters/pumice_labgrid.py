"""Tells each result of pytest as it comes, as events of Pumice's dispatcher protocol, version 1.

A plugin for pytest, with labgrid or without: `pytest -p pumice_labgrid`. It writes to descriptor 3
where PUMICE_PROTOCOL says that somebody listens there, and does nothing elsewhere.
"""

import json
import os

CHANNEL = 3


def pytest_configure(config):
    # The workers of pytest-xdist report to the one process that has the channel.
    is_worker = hasattr(config, "workerinput")
    if os.environ.get("PUMICE_PROTOCOL") == "1" and not is_worker:
        config.pluginmanager.register(Teller(), "pumice")


class Teller:
    def __init__(self):
        # What a test starts must not be able to write events.
        os.set_inheritable(CHANNEL, False)
        self.count = 0
        self.done = 0
        self.reports = {}

    def send(self, **event):
        line = json.dumps(event).encode() + b"\n"
        try:
            os.write(CHANNEL, line)
        except OSError:
            pass  # Nobody listens any more: the run itself goes on.

    def pytest_collectreport(self, report):
        if report.failed:
            why = cause(report)
            self.send(t="result", case=name(report.nodeid), result="fail", why=why)

    def pytest_collection_finish(self, session):
        self.count = len(session.items)

    def pytest_runtest_logstart(self, nodeid, location):
        percent = 100 * self.done // max(self.count, 1)
        self.send(t="step", n=0, state="progress", pct=percent, msg=name(nodeid))

    def pytest_runtest_logreport(self, report):
        self.reports.setdefault(report.nodeid, []).append(report)

    def pytest_runtest_logfinish(self, nodeid, location):
        reports = self.reports.pop(nodeid, [])
        self.done += 1
        result, why = judge(reports)
        event = {"t": "result", "case": name(nodeid), "result": result}
        if why:
            event["why"] = why
        event["seconds"] = round(sum(report.duration for report in reports), 3)
        for key, value in (pair for report in reports for pair in report.user_properties):
            # record_property("value", 1.2) and record_property("units", "ms") make a measurement.
            if key == "value" and isinstance(value, (int, float)):
                event["value"] = value
            elif key == "units":
                event["units"] = str(value)
        self.send(**event)

    def pytest_sessionfinish(self, session, exitstatus):
        self.send(t="end")


def judge(reports):
    """The worst of setup, call and teardown, and why."""
    for report in reports:
        if report.failed:
            return "fail", cause(report)
    for report in reports:
        if report.skipped:
            expected = getattr(report, "wasxfail", None)
            return "skip", cause(report) if expected is None else f"XFAIL {expected}".strip()
    return ("pass", None) if reports else ("unknown", "pytest gave no report")


def cause(report):
    longrepr = report.longrepr
    if isinstance(longrepr, tuple):
        return str(longrepr[2])[:1000]
    crash = getattr(longrepr, "reprcrash", None)
    return str(crash.message if crash else longrepr)[:1000]


def name(nodeid):
    """As pytest itself names a test in a JUnit report: class and name with dots."""
    path, *rest = nodeid.split("::")
    if path.endswith(".py"):
        path = path[:-3]
    return ".".join([path.replace("/", "."), *rest])

// The pages are complete without this. It adds relative times, sorting, copying, moves bars and follows news.
"use strict";
(() => {
  const units = [["d", 86400], ["h", 3600], ["min", 60]];
  const relative = (seconds) => {
    const size = Math.abs(seconds);
    if (size < 45) return seconds < 0 ? "soon" : "just now";
    const [unit, length] = units.find(([, length]) => size >= length * 0.75) || units[2];
    const count = Math.max(1, Math.round(size / length));
    return seconds < 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
  };
  const times = () => {
    for (const time of document.querySelectorAll("time")) {
      const clock = time.dateTime;
      const said = clock || time.dataset.at || time.textContent;
      const at = Date.parse(clock || said.replace(" ", "T") + "Z");
      const age = (Date.now() - at) / 1000;
      if (Number.isNaN(at) || Math.abs(age) > 30 * 86400) continue;
      time.dataset.at = said;
      const exact = clock || time.closest(".facts");
      time.title = exact ? relative(age) : said + " UTC";
      if (!exact) time.textContent = relative(age);
    }
  };
  const value = (row, column) => {
    const cell = row.cells[column];
    const time = cell.querySelector("time");
    const text = cell.dataset.v || (time && (time.dateTime || time.dataset.at || time.textContent)) || cell.textContent.trim();
    const number = Number(text.replace(/[\u202f%]/g, "").split("/")[0]);
    return text !== "" && !Number.isNaN(number) ? number : text.toLowerCase();
  };
  const sort = (head) => {
    const row = head.parentNode;
    const body = row.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of row.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const compare = (a, b) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1);
    const rows = [...body.rows].map((row) => [value(row, head.cellIndex), row]);
    rows.sort(([a], [b]) => (down ? compare(b, a) : compare(a, b)));
    body.append(...rows.map(([, row]) => row));
  };
  const dress = () => {
    times();
    for (const head of document.querySelectorAll("thead th")) {
      if (head.firstElementChild || head.className === "bar") continue;
      const button = document.createElement("button");
      button.append(...head.childNodes);
      button.onclick = () => sort(head);
      head.append(button);
    }
    for (const code of document.querySelectorAll(".copy")) {
      if (!navigator.clipboard || code.nextElementSibling) continue;
      const button = document.createElement("button");
      button.textContent = "Copy";
      button.onclick = () => navigator.clipboard.writeText(code.textContent).then(() => {
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 1500);
      });
      code.after(button);
    }
  };
  dress();
  setInterval(times, 30000);
  const status = document.body.dataset.live;
  if (!status || location.protocol === "file:") return;
  let known, jobs = [], ahead = 0;
  const highest = {};
  const late = { usual: "", overdue: "overdue", hanging: "probably hanging", silent: "runner silent" };
  // From what a job's runner last said towards 99 at the end that it expects, and never back.
  const move = () => {
    for (const bar of document.querySelectorAll("[data-bar]")) {
      const [progress, text, pace] = bar.children;
      const job = jobs.find((job) => job.id === bar.dataset.bar);
      let percent = progress.value;
      if (job) {
        const [from, to] = [Date.parse(job.at), Date.parse(job.expected_end)];
        const share = Math.min(1, Math.max(0, (Date.now() + ahead - from) / (to - from)));
        percent = job.progress + Math.floor((99 - job.progress) * (to > from ? share : 0));
        bar.className = "go " + job.pace;
        pace.className = "p " + job.pace;
        pace.textContent = late[job.pace];
      }
      const key = bar.dataset.bar + (job ? job.board : "");
      progress.value = highest[key] = Math.max(percent, highest[key] || 0);
      text.textContent = progress.value + " %";
    }
  };
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(status, { cache: "no-cache" });
      const now = await answer.json();
      const { revision } = now;
      jobs = now.jobs;
      // The runners' clocks are nearer to the server's than to that of whoever looks.
      ahead = Date.parse(answer.headers.get("date")) - Date.now() || 0;
      if (known && known !== revision) {
        const text = await (await fetch(location.href, { cache: "no-cache" })).text();
        const main = new DOMParser().parseFromString(text, "text/html").querySelector("main");
        document.querySelector("main").replaceWith(main);
        dress();
      }
      known = revision;
      move();
    } catch {
      // The server is away; the next look may find it.
    }
  };
  setInterval(look, 5000);
  if (document.querySelector("[data-bar]")) look();
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) setInterval(move, 1000);
})();

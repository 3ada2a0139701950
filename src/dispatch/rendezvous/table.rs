//! What the members of a group have said, and what a wait is answered. Pure.
//!
//! A message stays for as long as the group lives, so whoever asks for it later does not wait.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::group_file::Party;
use super::message::{Message, Reply, Request};

/// How many ids a group may use, and how many bytes its messages may hold together.
const IDS: usize = 1000;
const BYTES: usize = 1 << 20;

/// What a member waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    id: String,
    by: usize,
    whom: Whom,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Whom {
    Any,
    All { role: Option<String> },
}

/// A request's answer, now or later.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Now(Reply),
    Later(Wait),
}

pub struct Table {
    members: Vec<Party>,
    /// Whose dispatcher has ended.
    gone: Vec<bool>,
    /// By id what each member sent, in the order of sending; the last of each member counts.
    sent: BTreeMap<String, Vec<Sent>>,
    bytes: usize,
}

struct Sent {
    by: usize,
    data: Map<String, Value>,
}

impl Table {
    pub fn new(members: Vec<Party>) -> Self {
        Self {
            gone: vec![false; members.len()],
            members,
            sent: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// A member's dispatcher has ended: it sends nothing more.
    pub fn leave(&mut self, member: usize) {
        if let Some(gone) = self.gone.get_mut(member) {
            *gone = true;
        }
    }

    pub fn ask(&mut self, by: usize, request: Request) -> Answer {
        let (id, whom) = match request {
            Request::Send { id, data } => {
                return Answer::Now(match self.send(by, id, data) {
                    Ok(()) => Reply::Messages(Vec::new()),
                    Err(why) => Reply::Error(why),
                });
            }
            Request::Sync { id } => {
                // What was sent with data under this id stays: a sync says only "I am here".
                if !self.has_sent(&id, by)
                    && let Err(why) = self.send(by, id.clone(), Map::new())
                {
                    return Answer::Now(Reply::Error(why));
                }
                (id, Whom::All { role: None })
            }
            Request::Wait { id } => (id, Whom::Any),
            Request::WaitAll { id, role } => {
                let known = |role: &String| self.members.iter().any(|member| member.role == *role);
                if let Some(role) = role.as_ref().filter(|role| !known(role)) {
                    return Answer::Now(Reply::Error(format!(
                        "the group has no role `{}`",
                        role.escape_debug()
                    )));
                }
                (id, Whom::All { role })
            }
        };
        let wait = Wait { id, by, whom };
        match self.answer(&wait) {
            Some(reply) => Answer::Now(reply),
            None => Answer::Later(wait),
        }
    }

    /// What a wait is answered by now; `None` while it has to go on.
    pub fn answer(&self, wait: &Wait) -> Option<Reply> {
        let sent = self.sent.get(&wait.id).map_or(&[][..], Vec::as_slice);
        let message = |one: &Sent| Message {
            from: self.members[one.by].name.clone(),
            board: self.members[one.by].board.clone(),
            data: one.data.clone(),
        };
        let awaited: Vec<usize> = (0..self.members.len())
            .filter(|member| *member != wait.by)
            .filter(|member| match &wait.whom {
                Whom::All { role: Some(role) } => self.members[*member].role == *role,
                Whom::All { role: None } | Whom::Any => true,
            })
            .collect();
        let missing = awaited
            .iter()
            .filter(|member| !self.has_sent(&wait.id, **member));
        let lost = missing.clone().find(|member| self.gone[**member]);
        if wait.whom == Whom::Any {
            if let Some(first) = sent.iter().find(|one| one.by != wait.by) {
                return Some(Reply::Messages(vec![message(first)]));
            }
            return awaited.iter().all(|member| self.gone[*member]).then(|| {
                Reply::Error(format!(
                    "all others have ended without sending `{}`",
                    wait.id
                ))
            });
        }
        if let Some(lost) = lost {
            let Party { name, board, .. } = &self.members[*lost];
            return Some(Reply::Error(format!(
                "{name} on {board} has ended without sending `{}`",
                wait.id
            )));
        }
        (missing.count() == 0).then(|| {
            let heard = sent.iter().filter(|one| awaited.contains(&one.by));
            Reply::Messages(heard.map(message).collect())
        })
    }

    fn has_sent(&self, id: &str, member: usize) -> bool {
        let sent = self.sent.get(id);
        sent.is_some_and(|sent| sent.iter().any(|one| one.by == member))
    }

    fn send(&mut self, by: usize, id: String, data: Map<String, Value>) -> Result<(), String> {
        if self.sent.len() >= IDS && !self.sent.contains_key(&id) {
            return Err(format!("the group has used {IDS} ids already"));
        }
        let more = id.len() + size(&data);
        let sent = self.sent.entry(id).or_default();
        let before = sent.iter().position(|one| one.by == by);
        let less = before.map_or(0, |at| size(&sent[at].data));
        if self.bytes + more > BYTES + less {
            return Err(format!("the group has sent {} KiB already", BYTES >> 10));
        }
        self.bytes = self.bytes + more - less;
        match before {
            Some(at) => sent[at].data = data,
            None => sent.push(Sent { by, data }),
        }
        Ok(())
    }
}

fn size(data: &Map<String, Value>) -> usize {
    let value = |value: &Value| value.as_str().map_or(0, str::len);
    data.iter().map(|(key, text)| key.len() + value(text)).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Table {
        let party = |name: &str, role: &str| Party {
            name: name.to_owned(),
            role: role.to_owned(),
            board: format!("board-of-{name}"),
        };
        Table::new(vec![
            party("server", "server"),
            party("client-0", "client"),
            party("client-1", "client"),
        ])
    }

    fn send(id: &str, data: Value) -> Request {
        let data = data.as_object().unwrap().clone();
        let id = id.to_owned();
        Request::Send { id, data }
    }

    fn from(reply: &Reply) -> Vec<&str> {
        match reply {
            Reply::Messages(messages) => messages.iter().map(|one| one.from.as_str()).collect(),
            Reply::Error(why) => panic!("{why}"),
        }
    }

    fn later(answer: Answer) -> Wait {
        match answer {
            Answer::Later(wait) => wait,
            Answer::Now(reply) => panic!("{reply:?}"),
        }
    }

    #[test]
    fn a_message_waits_for_its_readers() {
        let mut table = table();
        let wait = later(table.ask(1, Request::Wait { id: "ip".into() }));
        assert_eq!(table.answer(&wait), None);
        table.ask(1, send("ip", json!({"v": "own"})));
        assert_eq!(table.answer(&wait), None, "one's own message is none");
        table.ask(0, send("ip", json!({"v": "old"})));
        table.ask(0, send("ip", json!({"v": "new"})));
        table.leave(0);
        let Some(Reply::Messages(messages)) = table.answer(&wait) else {
            panic!("no answer");
        };
        assert_eq!(messages[0].board, "board-of-server");
        assert_eq!(Value::from(messages[0].data.clone()), json!({"v": "new"}));
        assert!(matches!(
            table.ask(2, Request::Wait { id: "ip".into() }),
            Answer::Now(Reply::Messages(_))
        ));
    }

    #[test]
    fn waiting_for_all_can_mean_a_role() {
        let mut table = table();
        let all = |role: Option<&str>| Request::WaitAll {
            id: "up".into(),
            role: role.map(str::to_owned),
        };
        let clients = later(table.ask(0, all(Some("client"))));
        let everybody = later(table.ask(1, all(None)));
        table.ask(1, send("up", json!({})));
        assert_eq!(table.answer(&clients), None);
        table.ask(2, send("up", json!({})));
        assert_eq!(
            from(&table.answer(&clients).unwrap()),
            ["client-0", "client-1"]
        );
        assert_eq!(table.answer(&everybody), None);
        table.ask(0, send("up", json!({})));
        assert_eq!(
            from(&table.answer(&everybody).unwrap()),
            ["client-1", "server"]
        );
        // A role that nobody else plays is there already.
        assert!(matches!(
            table.ask(0, all(Some("server"))),
            Answer::Now(Reply::Messages(_))
        ));
        assert!(matches!(
            table.ask(0, all(Some("nobody"))),
            Answer::Now(Reply::Error(_))
        ));
    }

    #[test]
    fn a_sync_lets_everybody_go_at_once() {
        let mut table = table();
        let sync = || Request::Sync { id: "s".into() };
        let first = later(table.ask(0, sync()));
        let second = later(table.ask(1, sync()));
        assert_eq!(table.answer(&first), None);
        assert!(matches!(
            table.ask(2, sync()),
            Answer::Now(Reply::Messages(_))
        ));
        assert!(table.answer(&first).is_some() && table.answer(&second).is_some());
    }

    #[test]
    fn who_waits_for_the_dead_is_told() {
        let mut table = table();
        let sync = later(table.ask(0, Request::Sync { id: "s".into() }));
        let any = later(table.ask(0, Request::Wait { id: "w".into() }));
        table.leave(1);
        assert_eq!(
            table.answer(&sync),
            Some(Reply::Error(
                "client-0 on board-of-client-0 has ended without sending `s`".into()
            ))
        );
        assert_eq!(table.answer(&any), None, "client-1 may still send it");
        table.leave(2);
        assert!(matches!(table.answer(&any), Some(Reply::Error(_))));
    }

    #[test]
    fn a_group_may_not_say_too_much() {
        let mut table = table();
        for n in 0..IDS {
            let answer = table.ask(0, send(&n.to_string(), json!({})));
            assert_eq!(answer, Answer::Now(Reply::Messages(Vec::new())));
        }
        for request in [send("more", json!({})), Request::Sync { id: "more".into() }] {
            assert!(matches!(
                table.ask(0, request),
                Answer::Now(Reply::Error(_))
            ));
        }
        let long = "x".repeat(BYTES / 2);
        let big = |id| send(id, json!({"k": long}));
        assert!(matches!(
            table.ask(0, big("1")),
            Answer::Now(Reply::Messages(_))
        ));
        assert!(
            matches!(table.ask(0, big("1")), Answer::Now(Reply::Messages(_))),
            "it replaces itself"
        );
        assert!(matches!(
            table.ask(1, big("1")),
            Answer::Now(Reply::Error(_))
        ));
    }
}

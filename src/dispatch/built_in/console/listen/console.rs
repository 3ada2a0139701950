//! An open console, listened to without a pause: a board must never wait for us, and no flood of
//! output may keep a limit from being noticed.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};

use super::matcher::Matcher;
use super::plain::Plain;
use super::quiet::{Quiet, Talk};
use crate::dispatch::built_in::console::link::{Link, Read};
use crate::dispatch::built_in::terminated::Bell;
use crate::dispatch::built_in::wait::ready;
use crate::model::pattern::Patterns;
use crate::process::Moment;

/// How much is read before limits and the runner's wish are looked at again.
const TURN: usize = 1 << 20;

const BUFFER: usize = 64 << 10;

/// How much of the text behind us is kept, to tell what was said last.
const TAIL: usize = 4 << 10;

pub struct Console<'a> {
    link: Link,
    bell: &'a Bell,
    buffer: Vec<u8>,
    plain: Plain,
    quiet: Quiet,
    /// What goes to the log next.
    logged: Vec<u8>,
    /// Text that no wait has looked at yet.
    text: Vec<u8>,
    tail: VecDeque<u8>,
    sending: VecDeque<u8>,
    end: Option<Option<io::Error>>,
    /// Something else that ends a wait when it can be read.
    news: Option<OwnedFd>,
}

/// What a wait came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The pattern of this number.
    Pattern(usize),
    TimedOut,
    /// There is news where [`Console::expect_news`] said.
    News,
    /// The console is gone, with the reason if there is more to say.
    Closed(Option<String>),
    Terminated,
}

impl<'a> Console<'a> {
    pub fn new(link: Link, bell: &'a Bell) -> Self {
        Self {
            link,
            bell,
            buffer: vec![0; BUFFER],
            plain: Plain::default(),
            quiet: Quiet::default(),
            logged: Vec::new(),
            text: Vec::new(),
            tail: VecDeque::with_capacity(TAIL),
            sending: VecDeque::new(),
            end: None,
            news: None,
        }
    }

    /// The next wait ends when this descriptor can be read.
    pub fn expect_news(&mut self, from: OwnedFd) {
        self.news = Some(from);
    }

    /// What the log does without from now on.
    pub fn keep_quiet(&mut self, talk: Vec<Talk>) {
        self.quiet.take_out(talk);
    }

    /// Sends a line whose echo, if it comes, the log does without.
    pub fn send_quietly(&mut self, line: &str) {
        self.quiet.expect_echo(line);
        self.send(format!("{line}\n").as_bytes());
    }

    /// Sends what is the last before this console is closed, as far as the board takes it. A console
    /// that is a process ends then, and nobody comes after us.
    pub fn send_last(&mut self, bytes: &[u8]) {
        if self.link.pidfd().is_none() {
            self.send(bytes);
            self.write();
        }
    }

    /// Sends bytes as soon as the board takes them; every wait goes on with it.
    pub fn send(&mut self, bytes: &[u8]) {
        self.sending.extend(bytes);
    }

    /// Listens until one of the patterns is there. All text up to its end is given to `take`; what
    /// follows is left for the next wait.
    pub fn wait(
        &mut self,
        patterns: &Patterns,
        until: Option<Moment>,
        take: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Heard> {
        let before = self.tail.back().copied();
        let mut matcher = Matcher::new(patterns, before).map_err(io::Error::other)?;
        loop {
            let pause = self.end.is_some() || !self.readable();
            if let Some((which, end)) = matcher.feed(&self.text, pause) {
                self.pass(end, take);
                return Ok(Heard::Pattern(which));
            }
            self.pass(self.text.len(), take);
            if let Some(end) = &self.end {
                // The runner's wish may have ended the console's process.
                if self.bell.rings_soon() {
                    return Ok(Heard::Terminated);
                }
                let why = end.as_ref().map(ToString::to_string);
                return Ok(Heard::Closed(why));
            }
            if self.bell.rang() {
                return Ok(Heard::Terminated);
            }
            if until.is_some_and(|until| Moment::now() >= until) {
                return Ok(Heard::TimedOut);
            }
            let news = |fd: &mut OwnedFd| crate::dispatch::built_in::wait::is_ready(fd.as_fd());
            if self.news.take_if(news).is_some() {
                return Ok(Heard::News);
            }
            self.turn(until)?;
        }
    }

    /// What was said last.
    pub fn tail(&mut self) -> &[u8] {
        self.tail.make_contiguous()
    }

    fn readable(&self) -> bool {
        crate::dispatch::built_in::wait::is_ready(self.link.input())
    }

    /// Hands the next `count` bytes of text on.
    fn pass(&mut self, count: usize, take: &mut dyn FnMut(&[u8])) {
        let passed = &self.text[..count];
        take(passed);
        let kept = &passed[count.saturating_sub(TAIL)..];
        let surplus = (self.tail.len() + kept.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus);
        self.tail.extend(kept);
        self.text.drain(..count);
    }

    /// Sleeps until there is something to do, then sends and reads what can be.
    fn turn(&mut self, until: Option<Moment>) -> io::Result<()> {
        let mut fds = vec![
            PollFd::from_borrowed_fd(self.bell.fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.link.input(), PollFlags::IN),
        ];
        if let Some(pidfd) = self.link.pidfd() {
            fds.push(PollFd::from_borrowed_fd(pidfd, PollFlags::IN));
        }
        if !self.sending.is_empty() {
            fds.push(PollFd::from_borrowed_fd(self.link.output(), PollFlags::OUT));
        }
        if let Some(news) = &self.news {
            fds.push(PollFd::new(news, PollFlags::IN));
        }
        ready(&mut fds, until)?;
        drop(fds);
        self.write();
        self.read();
        Ok(())
    }

    fn write(&mut self) {
        while !self.sending.is_empty() {
            let (next, _) = self.sending.as_slices();
            match self.link.write(next) {
                Ok(0) => return,
                Ok(written) => drop(self.sending.drain(..written)),
                // A console that cannot be written to is about to end, which reading tells.
                Err(_) => self.sending.clear(),
            }
        }
    }

    fn read(&mut self) {
        let mut log = io::stdout().lock();
        let mut heard = 0;
        while heard < TURN {
            match self.link.read(&mut self.buffer) {
                Read::Bytes(count) => {
                    let bytes = &self.buffer[..count];
                    self.logged.clear();
                    self.quiet.feed(bytes, &mut self.logged);
                    // A log that nobody reads any more is no reason to stop.
                    let _ = log.write_all(&self.logged);
                    self.plain.feed(bytes, &mut self.text);
                    heard += count;
                }
                Read::Nothing => break,
                Read::End(why) => {
                    self.end = Some(why);
                    break;
                }
            }
        }
        let _ = log.flush();
    }
}

impl Drop for Console<'_> {
    /// After TERM the runner ends all that is left at once.
    fn drop(&mut self) {
        // What could have become talk has become nothing.
        let _ = io::stdout().write_all(&self.quiet.rest());
        if self.bell.rang() {
            self.link.hurry();
        }
    }
}

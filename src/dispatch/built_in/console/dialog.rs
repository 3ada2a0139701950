//! What a board is to ask while it boots, and what it is answered: its file's words with the job's.

use super::board::ConsoleBoard;
use super::plan::{Boot, LoginOfJob};
use super::session::PANIC;
use crate::model::pattern::{PatternError, Patterns};

/// What systems ask for when nobody says otherwise.
const LOGIN: &str = "login:";
const PASSWORD: &str = "[Pp]assword:";

pub struct Dialog {
    /// What is answered before the login, in its order: a pattern, and what is sent.
    pub answers: Vec<(String, String)>,
    pub prompt: String,
    pub login: Option<Credentials>,
}

/// How to log in: patterns, and what is typed.
pub struct Credentials {
    pub prompt: String,
    pub user: String,
    pub password_prompt: String,
    pub password: String,
}

impl Dialog {
    pub fn of(board: &ConsoleBoard, boot: &Boot, login: Option<&LoginOfJob>) -> Self {
        let prompt = boot.prompt.as_ref().unwrap_or(&board.prompt);
        Self {
            answers: answers(board, boot),
            prompt: prompt.clone(),
            login: credentials(board, login),
        }
    }

    /// The patterns that end the waiting for a shell.
    pub fn ends(&self) -> Vec<&str> {
        let login = self.login.iter();
        let asked = login.flat_map(|login| [&*login.prompt, &*login.password_prompt]);
        [&*self.prompt].into_iter().chain(asked).collect()
    }

    /// Whether the patterns can be waited for together.
    pub fn judge(&self) -> Result<(), PatternError> {
        for (pattern, _) in &self.answers {
            Patterns::new(&[pattern, PANIC])?;
        }
        let mut ends = self.ends();
        ends.push(PANIC);
        Patterns::new(&ends).map(drop)
    }
}

fn answers(board: &ConsoleBoard, boot: &Boot) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    if let Some(loader) = &board.bootloader
        && !boot.commands.is_empty()
    {
        let interrupt = boot.interrupt.as_ref().unwrap_or(&loader.interrupt);
        let send = loader.send.clone().unwrap_or_else(|| "\n".into());
        answers.push((interrupt.clone(), send));
        let typed = boot.commands.iter();
        answers.extend(typed.map(|line| (loader.prompt.clone(), format!("{line}\n"))));
    }
    let pairs = board.boot.iter().chain(&boot.answers);
    answers.extend(pairs.map(|[pattern, line]| (pattern.clone(), format!("{line}\n"))));
    answers
}

/// The board's login; the job's words count for more.
fn credentials(board: &ConsoleBoard, login: Option<&LoginOfJob>) -> Option<Credentials> {
    let board = board.login.clone();
    let job = login.cloned().unwrap_or_default();
    let or = |job: Option<String>, board: Option<Option<String>>, default: &str| {
        job.or(board.flatten()).unwrap_or_else(|| default.into())
    };
    Some(Credentials {
        user: job
            .user
            .or(board.as_ref().map(|login| login.user.clone()))?,
        prompt: or(job.prompt, board.as_ref().map(|l| l.prompt.clone()), LOGIN),
        password_prompt: or(
            job.password_prompt,
            board.as_ref().map(|l| l.password_prompt.clone()),
            PASSWORD,
        ),
        password: or(job.password, board.map(|login| login.password), ""),
    })
}

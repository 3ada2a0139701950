//! The board as its file describes it, and what the host adds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::images::Shared;
use crate::model::Span;
use crate::model::board::{Bootloader, Console, Login, Power};
use crate::model::pattern::Patterns;

/// How long a board may take to its prompt when its file does not say.
const BOOT: Span = Span::from_secs(300);

/// Serial consoles are at this speed unless somebody changed it.
const BAUD: u32 = 115_200;

/// The end of nearly every shell's prompt.
pub const PROMPT: &str = "[#$] $";

/// How the console is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    Pipes,
    Pty,
    /// `host:port`.
    Tcp(String),
    Serial {
        device: String,
        baud: u32,
    },
}

impl Way {
    /// Whether the console is there before its board has power.
    pub fn outlives_power(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Serial { .. })
    }
}

/// A board with a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleBoard {
    pub tags: Vec<String>,
    pub power: Power,
    pub way: Way,
    /// Program and arguments of a console that is a process, with placeholders for images.
    pub command: Vec<String>,
    /// The board's own images: paths or URLs that its file names, and so are trusted.
    pub images: BTreeMap<String, String>,
    pub boot: Vec<[String; 2]>,
    pub bootloader: Option<Bootloader>,
    pub login: Option<Login>,
    pub prompt: String,
    pub boot_timeout: Span,
    /// Folders whose files jobs may name.
    pub image_folders: Vec<PathBuf>,
    /// Where fetched images are kept.
    pub cache: PathBuf,
}

#[derive(Deserialize)]
struct BoardJson {
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    power: Power,
    console: Option<Console>,
    #[serde(default)]
    host: HostJson,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HostJson {
    images: Vec<PathBuf>,
    cache: Option<PathBuf>,
}

impl ConsoleBoard {
    /// Reads the file that the runner gives. What is wrong with it is the lab's mistake, in words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| format!("board.json: {error}"))?;
        let board: BoardJson =
            serde_json::from_slice(&bytes).map_err(|error| format!("board.json: {error}"))?;
        Self::new(board)
    }

    #[cfg(test)]
    pub fn of_json(board: serde_json::Value) -> Result<Self, String> {
        let board = serde_json::from_value(board).map_err(|error| error.to_string())?;
        Self::new(board)
    }

    fn new(board: BoardJson) -> Result<Self, String> {
        let console = board
            .console
            .ok_or("the board has no `console`: add it to its file or its type's")?;
        let way = match (&console.tcp, &console.serial) {
            (Some(address), _) => Way::Tcp(address.clone()),
            (None, Some(device)) => Way::Serial {
                device: device.clone(),
                baud: console.baud.unwrap_or(BAUD),
            },
            (None, None) if console.command.is_empty() => {
                return Err("`console` needs `command`, `tcp` or `serial`".into());
            }
            (None, None) if console.pty => Way::Pty,
            (None, None) => Way::Pipes,
        };
        let prompt = console.prompt.unwrap_or_else(|| PROMPT.into());
        let judge = |what: &str, pattern: &str| match Patterns::new(&[pattern]) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("console.{what}: {error}")),
        };
        judge("prompt", &prompt)?;
        for [pattern, _] in &console.boot {
            judge("boot", pattern)?;
        }
        if let Some(bootloader) = &console.bootloader {
            judge("bootloader.interrupt", &bootloader.interrupt)?;
            judge("bootloader.prompt", &bootloader.prompt)?;
        }
        if let Some(login) = &console.login {
            let given = [&login.prompt, &login.password_prompt];
            for pattern in given.into_iter().flatten() {
                judge("login", pattern)?;
            }
        }
        Ok(Self {
            tags: board.tags,
            power: board.power,
            way,
            command: console.command,
            images: console.images,
            boot: console.boot,
            bootloader: console.bootloader,
            login: console.login,
            prompt,
            boot_timeout: console.boot_timeout.unwrap_or(BOOT),
            image_folders: board.host.images,
            cache: board.host.cache.unwrap_or_else(|| PathBuf::from("cache")),
        })
    }

    /// What a job may name of this host.
    pub fn shared(&self) -> Shared<'_> {
        Shared {
            folders: &self.image_folders,
            own: &self.images,
        }
    }

    /// Whether an argument of the console's program asks for this image.
    pub fn takes(&self, image: &str) -> bool {
        let placeholder = format!("{{{image}}}");
        self.command
            .iter()
            .skip(1)
            .any(|argument| argument.contains(&placeholder))
    }

    /// Whether the board reaches the network, so that what a test wants installed can be.
    pub fn has_network(&self) -> bool {
        self.tags.iter().any(|tag| tag == "net")
    }
}

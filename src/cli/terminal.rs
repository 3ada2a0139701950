//! What is known of the terminal, if standard output is one.

use std::io::IsTerminal;

/// How output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// A person looks at it.
    pub interactive: bool,
    /// Colours are welcome.
    pub colour: bool,
    /// Columns; `None` where lines may be of any length.
    pub width: Option<usize>,
}

impl Terminal {
    /// Nobody looks: no colours, no width.
    pub const PLAIN: Self = Self {
        interactive: false,
        colour: false,
        width: None,
    };

    /// Of standard output. `NO_COLOR` (any text but the empty one) and `TERM=dumb` turn colours off.
    pub fn of_stdout() -> Self {
        let stdout = std::io::stdout();
        if !stdout.is_terminal() {
            return Self::PLAIN;
        }
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width =
            rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_col));
        Self {
            interactive: true,
            colour: !set("NO_COLOR") && !dumb,
            width: (width > 0).then_some(width),
        }
    }

    /// Whether moving bars can be drawn on standard error.
    pub fn bars() -> bool {
        std::io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    pub fn paint(self, colour: Colour, text: &str) -> String {
        match (self.colour, colour.code()) {
            (true, Some(code)) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}

/// What a colour says, the same everywhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Colour {
    #[default]
    Plain,
    Good,
    Bad,
    Doubtful,
    Active,
    Faint,
    Strong,
}

impl Colour {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
            Self::Doubtful => Some("33"),
            Self::Active => Some("36"),
            Self::Faint => Some("2"),
            Self::Strong => Some("1"),
        }
    }
}

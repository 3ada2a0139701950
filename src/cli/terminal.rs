//! What is known of the terminal, if standard output is one.

use std::io::IsTerminal;
use std::os::fd::AsFd;

/// Where a terminal does not say how many rows it has.
const USUAL_ROWS: usize = 24;

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
        Self::of(&std::io::stdout()).map_or(Self::PLAIN, |(terminal, _)| terminal)
    }

    /// Of standard error with its rows, where moving bars can be drawn on it.
    pub fn of_stderr() -> Option<(Self, usize)> {
        Self::of(&std::io::stderr()).filter(|_| !is_dumb())
    }

    fn of(stream: &(impl IsTerminal + AsFd)) -> Option<(Self, usize)> {
        if !stream.is_terminal() {
            return None;
        }
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let size = rustix::termios::tcgetwinsize(stream);
        let (columns, rows) = size.map_or((0, 0), |size| (size.ws_col, size.ws_row));
        let terminal = Self {
            interactive: true,
            colour: !set("NO_COLOR") && !is_dumb(),
            width: (columns > 0).then_some(columns.into()),
        };
        Some((terminal, if rows > 0 { rows.into() } else { USUAL_ROWS }))
    }

    pub fn paint(self, colour: Colour, text: &str) -> String {
        match (self.colour, colour.code()) {
            (true, Some(code)) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}

/// It can move no cursor.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
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

//! Boards and device types: the YAML files under `boards/`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adapters::{Labgrid, Lava};
use super::{BoardName, RunnerName, Span, Time};

/// The dispatchers that come with Pumice; any other is a program with a name.
pub const BUILT_IN_DISPATCHERS: [&str; 6] =
    ["console", "exec", "ssh", "lava-run", "labgrid", "junit"];

/// What stands in `boards/<name>.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Pumice board file")]
pub struct BoardFile {
    /// The device type: the stem of a file under `boards/types/`.
    #[schemars(length(min = 1))]
    pub device_type: String,
    /// The runner that drives it; any runner started without `--boards` when absent.
    #[serde(default)]
    pub runner: Option<RunnerName>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub service: Option<Service>,
    /// Asks for a health check: one is due whenever this text is another than at the last check.
    /// `pumice board check` writes it.
    #[serde(default)]
    pub check: Option<String>,
    /// Users and groups who answer for the board.
    #[serde(default)]
    pub owners: Vec<String>,
    #[serde(default)]
    pub power: Option<Power>,
    /// What may drive the board, the default first.
    #[serde(default)]
    pub dispatchers: Option<Vec<DispatcherChoice>>,
    #[serde(default)]
    pub console: Option<Console>,
    #[serde(default)]
    pub ssh: Option<Ssh>,
    #[serde(default)]
    pub lava: Option<Lava>,
    #[serde(default)]
    pub labgrid: Option<Labgrid>,
    /// Markdown, shown on the board's page.
    #[serde(default)]
    pub description: Option<String>,
}

/// What stands in `boards/types/<name>.yaml`: the same keys, as defaults for the boards of the type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Pumice device type file")]
pub struct DeviceType {
    #[serde(default)]
    pub runner: Option<RunnerName>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub service: Option<Service>,
    #[serde(default)]
    pub owners: Vec<String>,
    #[serde(default)]
    pub power: Option<Power>,
    #[serde(default)]
    pub dispatchers: Option<Vec<DispatcherChoice>>,
    #[serde(default)]
    pub console: Option<Console>,
    #[serde(default)]
    pub ssh: Option<Ssh>,
    #[serde(default)]
    pub lava: Option<Lava>,
    #[serde(default)]
    pub labgrid: Option<Labgrid>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub health_check: Option<HealthCheck>,
}

/// Whether a board takes jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceState {
    #[default]
    Active,
    Maintenance,
    Retired,
}

impl ServiceState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Maintenance => "maintenance",
            Self::Retired => "retired",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub state: ServiceState,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub since: Option<Time>,
}

/// Commands that switch a board's power: argv arrays, never shell strings. `off` must be idempotent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Power {
    #[serde(default)]
    pub on: Vec<String>,
    #[serde(default)]
    pub off: Vec<String>,
    #[serde(default)]
    pub reset: Vec<String>,
}

/// A built-in dispatcher by its name, or a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DispatcherChoice {
    BuiltIn(String),
    Program { name: String, command: Vec<String> },
}

impl DispatcherChoice {
    pub fn name(&self) -> &str {
        match self {
            Self::BuiltIn(name) | Self::Program { name, .. } => name,
        }
    }
}

/// How a board's console is reached, and what it says when it boots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Console {
    /// A process whose input and output are the console: an argv array. `{kernel}`, `{ramdisk}` and
    /// the like in an argument stand for the images; never in the program's own name.
    #[serde(default)]
    pub command: Vec<String>,
    /// The process gets a pty instead of pipes, as `telnet` and `ssh` need it.
    #[serde(default)]
    pub pty: bool,
    /// `host:port`.
    #[serde(default)]
    pub tcp: Option<String>,
    /// A device under `/dev`.
    #[serde(default)]
    pub serial: Option<String>,
    #[serde(default)]
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub baud: Option<u32>,
    /// What boots where a job names no image: a path or URL for `kernel`, `ramdisk` and so on.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
    /// What is answered while it boots, in this order: a regular expression and the line to send.
    #[serde(default)]
    pub boot: Vec<[String; 2]>,
    #[serde(default)]
    pub login: Option<Login>,
    /// A regular expression for the shell's prompt.
    #[serde(default)]
    pub prompt: Option<String>,
    /// How long the board may take from power to prompt.
    #[serde(default)]
    pub boot_timeout: Option<Span>,
    #[serde(default)]
    pub bootloader: Option<Bootloader>,
}

/// How a boot loader is stopped, for jobs that give it commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bootloader {
    /// A regular expression for what it says while it can be stopped; a job's
    /// `interrupt_boot_prompt` stands in for it.
    pub interrupt: String,
    /// What is sent then; a line end when absent.
    #[serde(default)]
    pub send: Option<String>,
    /// A regular expression for its prompt.
    pub prompt: String,
}

/// How to log in at a console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// A regular expression; `login:` when absent.
    #[serde(default)]
    pub prompt: Option<String>,
    pub user: String,
    /// A regular expression; `[Pp]assword:` when absent.
    #[serde(default)]
    pub password_prompt: Option<String>,
    #[serde(default)]
    pub password: Option<String>,
}

/// Where the dispatcher `ssh` finds a board. Everything else is in the host's own ssh configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ssh {
    #[schemars(length(min = 1))]
    pub host: String,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// A private key's path on the host.
    #[serde(default)]
    pub identity: Option<String>,
}

/// Whether a text can be a host or user for `ssh`: one word that is not taken for an option.
pub fn is_ssh_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// The job definition that is run, a path in the lab.
    #[schemars(length(min = 1))]
    pub job: String,
    #[serde(default)]
    pub every: Option<Span>,
    /// After so many jobs.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub jobs: Option<u32>,
}

/// A board with its type's defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    pub name: BoardName,
    pub device_type: String,
    pub runner: Option<RunnerName>,
    /// The board's own tags, its type's tags and its type's name; sorted.
    pub tags: Vec<String>,
    pub service: Service,
    pub owners: Vec<String>,
    pub power: Power,
    pub dispatchers: Vec<DispatcherChoice>,
    pub console: Option<Console>,
    pub ssh: Option<Ssh>,
    pub lava: Option<Lava>,
    pub labgrid: Option<Labgrid>,
    pub description: Option<String>,
    /// The check that its type asks for.
    pub health_check: Option<HealthCheck>,
    /// The last health check that people asked for.
    pub check: Option<String>,
}

impl Board {
    /// Joins a board's file with its type's, whose keys are defaults. Tags and owners add up.
    pub fn new(name: BoardName, file: BoardFile, types: &BTreeMap<String, DeviceType>) -> Self {
        let none = DeviceType::default();
        let device_type = types.get(&file.device_type).unwrap_or(&none);
        let union = |own: Vec<String>, inherited: &[String]| {
            let mut all = own;
            all.extend_from_slice(inherited);
            all.sort();
            all.dedup();
            all
        };
        let mut tags = union(file.tags, &device_type.tags);
        tags.push(file.device_type.clone());
        tags.sort();
        tags.dedup();
        Self {
            name,
            runner: file.runner.or_else(|| device_type.runner.clone()),
            tags,
            service: file
                .service
                .or_else(|| device_type.service.clone())
                .unwrap_or_default(),
            owners: union(file.owners, &device_type.owners),
            power: file
                .power
                .or_else(|| device_type.power.clone())
                .unwrap_or_default(),
            dispatchers: file
                .dispatchers
                .or_else(|| device_type.dispatchers.clone())
                .unwrap_or_default(),
            console: file.console.or_else(|| device_type.console.clone()),
            ssh: file.ssh.or_else(|| device_type.ssh.clone()),
            lava: file.lava.or_else(|| device_type.lava.clone()),
            labgrid: file.labgrid.or_else(|| device_type.labgrid.clone()),
            description: file.description.or_else(|| device_type.description.clone()),
            health_check: device_type.health_check.clone(),
            check: file.check,
            device_type: file.device_type,
        }
    }

    /// The dispatcher a job gets: the one it names, else the board's first; `None` when the board has no such.
    pub fn dispatcher(&self, wanted: Option<&str>) -> Option<&DispatcherChoice> {
        match wanted {
            Some(name) => self.dispatchers.iter().find(|choice| choice.name() == name),
            None => self.dispatchers.first(),
        }
    }
}

mod dispatcher_choice {
    //! A text or a map: written out, since an untagged enum would report every mistake as "no variant matched".

    use std::fmt;

    use serde::de::{self, MapAccess, Visitor};
    use serde::ser::SerializeMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::DispatcherChoice;

    impl Serialize for DispatcherChoice {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                Self::BuiltIn(name) => serializer.serialize_str(name),
                Self::Program { name, command } => {
                    let mut map = serializer.serialize_map(Some(2))?;
                    map.serialize_entry("name", name)?;
                    map.serialize_entry("command", command)?;
                    map.end()
                }
            }
        }
    }

    impl<'de> Deserialize<'de> for DispatcherChoice {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct ChoiceVisitor;

            impl<'de> Visitor<'de> for ChoiceVisitor {
                type Value = DispatcherChoice;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a built-in dispatcher's name or {name, command}")
                }

                fn visit_str<E: de::Error>(self, name: &str) -> Result<DispatcherChoice, E> {
                    Ok(DispatcherChoice::BuiltIn(name.to_owned()))
                }

                fn visit_map<A: MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<DispatcherChoice, A::Error> {
                    let (mut name, mut command) = (None, None);
                    while let Some(key) = map.next_key::<String>()? {
                        match key.as_str() {
                            "name" => name = Some(map.next_value()?),
                            "command" => command = Some(map.next_value()?),
                            _ => return Err(de::Error::unknown_field(&key, &["name", "command"])),
                        }
                    }
                    Ok(DispatcherChoice::Program {
                        name: name.ok_or_else(|| de::Error::missing_field("name"))?,
                        command: command.ok_or_else(|| de::Error::missing_field("command"))?,
                    })
                }
            }

            deserializer.deserialize_any(ChoiceVisitor)
        }
    }

    impl schemars::JsonSchema for DispatcherChoice {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Dispatcher".into()
        }

        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            schemars::json_schema!({
                "description": "a built-in dispatcher's name, or a program with its arguments",
                "oneOf": [
                    {"type": "string", "minLength": 1},
                    {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string", "minLength": 1},
                            "command": {"type": "array", "items": {"type": "string"}, "minItems": 1}
                        },
                        "required": ["name", "command"],
                        "additionalProperties": false
                    }
                ]
            })
        }
    }
}

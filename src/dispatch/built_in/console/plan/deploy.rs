//! `deploy` and v1's deploy actions: the images that the next boot takes.

use serde_json::Value;

use super::boot::pattern;
use super::parameters::Parameters;
use crate::dispatch::action::JobError;
use crate::dispatch::built_in::console::board::ConsoleBoard;
use crate::dispatch::built_in::console::images::Image;
use crate::model::name::is_name;

/// The images that v1's actions name.
const V1_IMAGES: [&str; 15] = [
    "kernel",
    "ramdisk",
    "dtb",
    "rootfs",
    "nfsrootfs",
    "image",
    "hwpack",
    "bootloader",
    "firmware",
    "modules",
    "bl0",
    "bl1",
    "bl2",
    "bl31",
    "qemu_pflash",
];

/// A board that would boot others of these than the job names would test something else.
const ESSENTIAL: [&str; 4] = ["kernel", "ramdisk", "image", "rootfs"];

#[derive(Debug, Default)]
pub struct Deploy {
    /// Each with its name.
    pub images: Vec<(String, Image)>,
    /// Images that the board cannot take: they must be its own, byte for byte.
    pub own: Vec<(String, Image)>,
    pub login: Option<LoginOfJob>,
}

/// What a v1 job says of logging in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginOfJob {
    pub prompt: Option<String>,
    pub user: Option<String>,
    pub password_prompt: Option<String>,
    pub password: Option<String>,
    /// Typed after the login.
    pub commands: Vec<String>,
}

impl Deploy {
    /// Every parameter is an image.
    pub fn of_any_image(
        parameters: &mut Parameters<'_>,
        board: &ConsoleBoard,
    ) -> Result<Self, JobError> {
        let mut deploy = Self::default();
        for name in parameters.unread() {
            if !is_name(name) {
                let why = "cannot be the name of an image";
                return Err(JobError::new(parameters.at(name), why));
            }
            deploy.read(name, parameters, board, true)?;
        }
        Ok(deploy)
    }

    pub fn of_v1(parameters: &mut Parameters<'_>, board: &ConsoleBoard) -> Result<Self, JobError> {
        let mut deploy = Self::default();
        for name in V1_IMAGES {
            // A name that nothing asks for is noted with all others.
            if board.takes(name) || ESSENTIAL.contains(&name) {
                deploy.read(name, parameters, board, false)?;
            }
        }
        let login = LoginOfJob {
            prompt: pattern(parameters, "login_prompt")?,
            user: parameters.text("username")?,
            password_prompt: pattern(parameters, "password_prompt")?,
            password: parameters.text("password")?,
            commands: parameters.texts("login_commands")?,
        };
        deploy.login = (login != LoginOfJob::default()).then_some(login);
        // The kind of system and of boot loader: the board's file knows them.
        for key in ["target_type", "bootloadertype", "rootfstype", "bootfstype"] {
            parameters.ignore(key);
        }
        Ok(deploy)
    }

    fn read(
        &mut self,
        name: &str,
        parameters: &mut Parameters<'_>,
        board: &ConsoleBoard,
        strict: bool,
    ) -> Result<(), JobError> {
        let place = parameters.at(name);
        let Some(value) = parameters.given(name) else {
            return Ok(());
        };
        // v1 may list several of one kind; the board has one place for it.
        let value = match value {
            Value::Array(values) if !strict && values.len() == 1 => &values[0],
            value => value,
        };
        let image = Image::of_job(&place, value, board.shared())?;
        if board.takes(name) {
            self.images.push((name.to_owned(), image));
        } else if board.images.contains_key(name) {
            self.own.push((name.to_owned(), image));
        } else {
            let why = format!(
                "this board cannot boot another {name}: its console's command has no `{{{name}}}`"
            );
            return Err(JobError::new(place, why));
        }
        Ok(())
    }
}

//! The kinds of virtual boards, and all that differs between them.

/// A kind of virtual board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// User Mode Linux: the kernel is a program of the host. The lightest.
    Uml,
    /// An emulated PC.
    Qemu,
    /// An emulated 64-bit ARM machine.
    QemuArm64,
}

/// An emulator of the host's own: too big, and needing too many libraries, to be unpacked beside a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Emulator {
    pub program: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Uml, Self::Qemu, Self::QemuArm64];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uml => "uml",
            Self::Qemu => "qemu",
            Self::QemuArm64 => "qemu-arm64",
        }
    }

    /// The device type of its boards.
    pub fn device_type(self) -> &'static str {
        match self {
            Self::Uml => "uml",
            Self::Qemu => "qemu-x86_64",
            Self::QemuArm64 => "qemu-arm64",
        }
    }

    /// What the names of its boards begin with; a number follows.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Uml => "uml",
            Self::Qemu => "qemu",
            Self::QemuArm64 => "qemu-arm64-",
        }
    }

    /// Debian's name for the architecture of kernel and userland.
    pub(super) fn architecture(self) -> &'static str {
        match self {
            Self::Uml | Self::Qemu => "amd64",
            Self::QemuArm64 => "arm64",
        }
    }

    pub(super) fn emulator(self) -> Option<Emulator> {
        match self {
            Self::Uml => None,
            Self::Qemu => Some(Emulator {
                program: "qemu-system-x86_64",
                package: "qemu-system-x86",
            }),
            Self::QemuArm64 => Some(Emulator {
                program: "qemu-system-aarch64",
                package: "qemu-system-arm",
            }),
        }
    }

    /// The package with the kernel. Debian's names of real kernels hold a version, so for those it is an
    /// empty package that depends on the newest.
    pub(super) fn kernel_package(self) -> &'static str {
        match self {
            Self::Uml => "user-mode-linux",
            Self::Qemu => "linux-image-cloud-amd64",
            Self::QemuArm64 => "linux-image-cloud-arm64",
        }
    }

    /// Whether the kernel's package is only known by what [`Self::kernel_package`] depends on.
    pub(super) fn follows_dependency(self) -> bool {
        self != Self::Uml
    }

    /// Where the kernel's package has the kernel: a folder, and what the file's name begins with.
    pub(super) fn kernel_in_package(self) -> (&'static str, &'static str) {
        match self {
            Self::Uml => ("usr/bin", "linux.uml"),
            Self::Qemu | Self::QemuArm64 => ("boot", "vmlinuz"),
        }
    }

    /// The kernel's file in the kit. Whoever looks at a host's processes sees this name, for UML.
    pub(super) fn kernel_file(self) -> &'static str {
        match self {
            Self::Uml => "linux.uml",
            Self::Qemu | Self::QemuArm64 => "vmlinuz",
        }
    }
}

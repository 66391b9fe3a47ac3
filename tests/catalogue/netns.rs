//! Network namespaces of a test's own, whose packets it may drop and whose links it may cut.
//!
//! A namespace has no name: a process holds it that ends with this one, so that none is left over
//! however a test ends.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::support::wait_until;

/// The two ends of [`Namespace::pair`].
pub(crate) const NEAR: &str = "192.0.2.1";
pub(crate) const FAR: &str = "192.0.2.2";

/// What is put before the rules of a namespace: one chain for all that arrives.
const CHAIN: &str = "add table inet faults; \
     add chain inet faults arriving { type filter hook input priority 0; }";

/// A network of its own, with a loopback whose packets are no larger than an Ethernet's.
#[derive(Debug, Clone)]
pub(crate) struct Namespace(Arc<Holder>);

/// `cat`, waiting for the end of its input.
#[derive(Debug)]
struct Holder {
    child: Child,
    input: Option<ChildStdin>,
}

impl Namespace {
    pub(crate) fn new() -> Namespace {
        expect_root_and_tools();
        let mut command = Command::new("unshare");
        command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("util-linux is everywhere");
        let input = child.stdin.take();
        let namespace = Namespace(Arc::new(Holder { child, input }));
        let ours = fs::read_link("/proc/self/ns/net").unwrap();
        let is_apart = || fs::read_link(namespace.path()).is_ok_and(|its| its != ours);
        wait_until("a network namespace", || is_apart().then_some(()));
        namespace.run("ip link set lo up mtu 1500");
        namespace.nft(CHAIN);
        namespace
    }

    /// Two that are joined by a cable: the interface `cable` in each, [`NEAR`] and [`FAR`].
    pub(crate) fn pair() -> (Namespace, Namespace) {
        let (near, far) = (Namespace::new(), Namespace::new());
        let id = far.0.child.id();
        near.run(&format!("ip link add cable type veth peer name cable netns {id}"));
        for (end, address) in [(&near, NEAR), (&far, FAR)] {
            end.run(&format!("ip address add {address}/24 dev cable"));
            end.run("ip link set cable up");
        }
        (near, far)
    }

    /// Works inside: sockets, threads and processes made there belong to it.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(self.path()).unwrap();
        let entered = move || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), kind).unwrap();
            work()
        };
        let worked = thread::scope(|scope| scope.spawn(entered).join());
        worked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Runs a command inside, its words apart by spaces.
    pub(crate) fn run(&self, line: &str) {
        let mut words = line.split(' ');
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        self.succeed(&mut command);
    }

    /// What arrives and fits this rule is met with its verdict, from now on.
    pub(crate) fn filter(&self, rule: &str) {
        self.nft(&format!("add rule inet faults arriving {rule}"));
    }

    /// What arrives is left alone again.
    pub(crate) fn unfilter(&self) {
        self.nft("flush chain inet faults arriving");
    }

    fn nft(&self, commands: &str) {
        self.succeed(Command::new("nft").arg(commands));
    }

    fn succeed(&self, command: &mut Command) {
        let done = self.inside(|| command.output()).unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{command:?}: {said}");
    }

    fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.0.child.id())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

fn expect_root_and_tools() {
    let is_root = rustix::process::geteuid().is_root();
    assert!(is_root, "network namespaces need root; type: sudo -E cargo test --test catalogue");
    for (tool, package) in [("ip", "iproute2"), ("nft", "nftables")] {
        let found = Command::new(tool).arg("-V").stdout(Stdio::null()).status().is_ok();
        assert!(found, "{tool} is missing; type: sudo apt-get install {package}");
    }
}

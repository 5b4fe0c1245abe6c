import Glibc
import Model
import Transport

/// A private copy of this machine for steps that change the system: a mount namespace with an overlay over `/`, whose upper
/// layer is in memory. Nothing done in it reaches the machine, and it is gone when the test ends.
final class World {
    private let keeper: SpawnedProcess
    private let scratch: Scratch
    /// Put before a command, it runs in the world.
    let prefix: [String]

    init() async throws {
        guard getuid() == 0 else {
            throw Unfit("this test needs root: it makes a mount namespace; run `sudo make test`")
        }
        scratch = try Scratch()
        let root = scratch.path
        // Waits for the file that says that the mounts are there; ends by itself should the test be killed.
        let set = """
            mount -t tmpfs cso-test \(root) && mkdir \(root)/upper \(root)/work \(root)/root &&
            mount -t overlay cso-test -o lowerdir=/,upperdir=\(root)/upper,workdir=\(root)/work \(root)/root &&
            mount -t proc proc \(root)/root/proc && mount --rbind /dev \(root)/root/dev &&
            mount -t tmpfs run \(root)/root/run && mount -t tmpfs tmp \(root)/root/tmp && : > \(root)/root/tmp/ready &&
            exec sleep 900
            """
        keeper = try SpawnedProcess.spawn(
            ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", set], newSession: true)
        prefix = [
            "nsenter", "--mount=/proc/\(keeper.pid)/ns/mnt", "chroot", "\(root)/root", "env", "--",
        ]
        for _ in 0..<500 {
            if keeper.reapIfEnded() != nil { break }
            if try await Shell.run("[ -e /tmp/ready ]", prefix: prefix).status == 0 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Unfit("cannot make an overlay over / in a mount namespace; the kernel needs overlayfs, the test root")
    }

    deinit {
        keeper.kill(group: true)
        while keeper.reapIfEnded() == nil { usleep(1000) }
    }

    func run(_ script: ShellText, shell: String = "/bin/dash") async throws -> HostAnswer {
        try await Shell.run(script, shell: shell, prefix: prefix)
    }
}

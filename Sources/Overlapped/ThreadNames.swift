// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// Names threads, as `top -H` and debuggers show them.
public enum ThreadNames {
    /// Names the calling thread; the kernel keeps 15 bytes.
    public static func set(_ name: String) { _ = cl_set_thread_name(String(name.prefix(15))) }
}

// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import World

/// How the messages of a tick travel through mailboxes: a tag for each kind, and the address of what carries it, which
/// its sender goes on owning.
enum TickTag {
    static let commands: UInt32 = 16
    static let effects: UInt32 = 17
    static let frame: UInt32 = 18
}

extension TickMessage {
    func post(_ context: WorkerContext, to worker: Int) {
        switch self {
        case .commands(let batch):
            context.post(tag: TickTag.commands, Unmanaged.passUnretained(batch).toOpaque(), to: worker)
        case .effects(let batch):
            context.post(tag: TickTag.effects, Unmanaged.passUnretained(batch).toOpaque(), to: worker)
        case .frame(let letter):
            context.post(tag: TickTag.frame, Unmanaged.passUnretained(letter).toOpaque(), to: worker)
        }
    }

    init?(tag: UInt32, _ pointer: UnsafeMutableRawPointer) {
        switch tag {
        case TickTag.commands: self = .commands(Unmanaged.fromOpaque(pointer).takeUnretainedValue())
        case TickTag.effects: self = .effects(Unmanaged.fromOpaque(pointer).takeUnretainedValue())
        case TickTag.frame: self = .frame(Unmanaged.fromOpaque(pointer).takeUnretainedValue())
        default: return nil
        }
    }
}

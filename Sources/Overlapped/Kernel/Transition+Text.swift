// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import Glibc

    /// A transition as a line that people read and that is compared: `subject [state] -> answer`.
    extension Transition: CustomStringConvertible {
        package var description: String {
            let state = stateWords.isEmpty ? "" : " [\(stateWords.joined(separator: "; "))]"
            return "\(name)\(state) -> \(answerWords.joined(separator: ", "))"
        }

        private var name: String {
            switch subject {
            case .accept: "ring accept"
            case .receiveMultishot: "ring receive multishot"
            case .receiveLimited: "ring receive multishot with a limit"
            case .receiveOnce: "ring receive one-shot"
            case .silentSend: "ring silent send"
            case .trackedSend: "ring tracked send"
            case .close: "ring close"
            case .closeDirect: "ring close of a direct descriptor"
            case .cancelAccept: "ring cancel of accept"
            case .cancelReceive: "ring cancel of receive"
            case .cancelSend: "ring cancel of send"
            case .cancelOperation: "ring cancel of operation"
            case .doorbell: "ring doorbell"
            case .doorbellRead: "ring read of the doorbell"
            case .shutdownDirect: "ring shutdown"
            case .disconnect: "ring disconnect"
            case .operationReceive: "ring operation receive"
            case .operationSend: "ring operation send"
            case .operationAccept: "ring operation accept"
            case .operationConnect: "ring operation connect"
            case .submit: "ring enter to submit"
            case .gather: "ring enter to gather"
            case .wait: "ring enter to wait"
            case .waitUntil: "ring enter to wait until a deadline"
            case .poll: "epoll wait that does not sleep"
            case .setWait: "epoll wait"
            case .setWaitUntil: "epoll wait until a deadline"
            case .streamEvent: "epoll event of a stream"
            case .listenerEvent: "epoll event of a listener"
            case .doorbellEvent: "epoll event of the doorbell"
            default: "\(marks.contains(.watched) ? "epoll" : "plain") \(callName)"
            }
        }

        private var callName: String {
            switch subject {
            case .callReceive: "recv"
            case .callSend: "send"
            case .callAccept: "accept"
            case .shutdownWrite: "shutdown of sending"
            case .shutdownBoth: "shutdown"
            case .callClose: "close"
            default: "?"
            }
        }

        private var stateWords: [String] {
            var words: [String] = []
            switch last {
            case .nothing: break
            case .some: words.append("has brought some")
            case .whole: words.append("last whole")
            case .part: words.append("last part")
            case .dry: words.append("last EAGAIN")
            case .end: words.append("last end")
            case .error: words.append("last an error")
            case .roomAgain: words.append("room told")
            }
            switch cancel {
            case .none: break
            case .asked: words.append("cancel asked")
            case .found: words.append("cancel found it")
            case .missed: words.append("cancel missed it")
            case .late: words.append("cancel came late")
            }
            if target != .none { words.append(target == .armed ? "target armed" : "target over") }
            switch side {
            case .open: break
            case .shutting: words.append("shutting")
            case .writeShut: words.append("sending shut")
            case .bothShut: words.append("shut")
            }
            if told != .nothing { words.append(told == .end ? "end told" : "error told") }
            if outcome != .events, !events.isEmpty { words.append("told \(events.text)") }
            if marks.contains(.submits) { words.append("submits") }
            return words
        }

        private var answerWords: [String] {
            let answer =
                switch outcome {
                case .silence: "silence"
                case .whole: "whole"
                case .part: "part"
                case .bytes: "bytes"
                case .none: "0"
                case .done: "done"
                case .descriptor: "descriptor"
                case .error: Self.errorName(code)
                case .events: events.isEmpty ? "nothing" : events.text
                }
            return [answer] + Marks.names.filter { marks.contains($0.0) }.map(\.1)
        }

        private static let errorNames: [Int32: String] = [
            EAGAIN: "EAGAIN", EALREADY: "EALREADY", EBADF: "EBADF", EBADR: "EBADR", EBUSY: "EBUSY",
            ECANCELED: "ECANCELED", ECONNABORTED: "ECONNABORTED", ECONNREFUSED: "ECONNREFUSED",
            ECONNRESET: "ECONNRESET", EEXIST: "EEXIST", EFAULT: "EFAULT", EINTR: "EINTR", EINVAL: "EINVAL",
            EMFILE: "EMFILE", ENFILE: "ENFILE", ENOBUFS: "ENOBUFS", ENOENT: "ENOENT", ENOMEM: "ENOMEM",
            ENOTCONN: "ENOTCONN", ENOTSOCK: "ENOTSOCK", EPERM: "EPERM", EPIPE: "EPIPE", EPROTO: "EPROTO",
            ETIME: "ETIME", ETIMEDOUT: "ETIMEDOUT", EHOSTUNREACH: "EHOSTUNREACH", ENETUNREACH: "ENETUNREACH",
        ]

        static func errorName(_ code: UInt8) -> String { errorNames[Int32(code)] ?? "errno \(code)" }
    }
#endif

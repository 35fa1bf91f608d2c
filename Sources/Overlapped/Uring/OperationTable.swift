// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

struct OperationTable {}
extension UringPort { mutating func completeOperation(_ key: CompletionKey, _ result: Int32) -> Completion? { nil } }

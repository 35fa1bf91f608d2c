// SPDX-License-Identifier: Apache-2.0

import Bots
import Foundation

/// Plays a run on a thread of its own: the threads of Swift tasks are few, and other tests wait for them.
func play(_ configuration: BotsConfiguration) async throws -> BotsReport {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try BotsRun.play(configuration) }) }
    }
}

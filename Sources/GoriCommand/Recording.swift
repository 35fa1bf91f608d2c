// SPDX-License-Identifier: Apache-2.0

internal import World
internal import WorldServer

/// What `--record` does for `serve`: the recorder, and what is said of it.
struct Recording {
    let recorder: Recorder
    private let path: String

    init(path: String, _ world: WorldConfiguration, workers: Int, regions: Int) throws {
        self.path = path
        do {
            recorder = try Recorder(path: path, world, workers: workers, regions: regions) { Output.log($0) }
        } catch {
            throw RunFailure("\(error); give another --record")
        }
    }

    /// When every worker has ended.
    func finish() {
        let outcome = recorder.finish()
        guard let failure = outcome.failure else { return Output.log("recorded: \(path), \(outcome.bytes) bytes") }
        let ticks = "\(outcome.dropped) ticks of workers are not in it"
        Output.error("the recording \(path) ends early: \(failure); \(ticks)")
    }
}

// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Gori
internal import Overlapped
@_spi(Measuring) internal import SimulatedKernel
internal import Wire

/// The server of the engine's runs: every kind of handler and hook.
enum EngineServer {
    static func make(_ scenario: Scenario, _ model: EngineModel) -> Server<EngineModel> {
        let server = Server<EngineModel>(scenario.configuration) { _ in model }
        server.onOpen { session, model in model.opened(session.id) }
        server.onClose { id, reason, model in model.closed(id, reason) }
        server.onTimer { session, model in model.rang(session) }
        server.onMessage { tag, batch, _, _, model in model.got(tag: tag, batch) }
        server.every(milliseconds: 500) { _, _ in }
        server.on(Call.self) { call, session, model in model.handle(call, session) }
        server.on(
            SlowCall.self,
            async: { slow, id in
                // The session may have ended since its packet was handled; nobody is told of the outcome then.
                guard model.isOpen(id), model.took(slow.call, id) != nil else { return slow.call }
                model.slowBegins(id)
                try await model.slow(slow.call)
                return slow.call
            },
            busy: { slow, session, model in
                guard let life = model.took(slow.call, session.id) else { return }
                model.sights.see(.busy)
                model.answer(life, session, .busy, payload: 0)
            },
            then: { call, session, model in model.slowEnded(call, session) })
        if !scenario.acceptsAll {
            server.acceptPolicy { address in
                guard address.port % 8 == 0 else { return .accept }
                model.sights.see(.policyRejected)
                return .reject
            }
        }
        return server
    }
}

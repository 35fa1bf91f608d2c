// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// The table from packet type to route, filled before the workers start and only read after: all workers share it.
final class Router: @unchecked Sendable {
    private(set) var routes: UnsafeMutablePointer<Route>
    /// Types below this may have a route.
    private(set) var count = 0

    init() { routes = .allocate(capacity: 0) }

    deinit {
        routes.deinitialize(count: count)
        routes.deallocate()
    }

    func set(_ type: PacketType, _ route: consuming Route) {
        let index = Int(type.rawValue)
        if index >= count { grow(to: index + 1) }
        precondition(routes[index].stages == 0, "packet type \(type) has a handler already")
        routes[index] = consume route
    }

    private func grow(to newCount: Int) {
        let larger = UnsafeMutablePointer<Route>.allocate(capacity: newCount)
        for index in 0..<count { (larger + index).initialize(to: (routes + index).move()) }
        for index in count..<newCount { (larger + index).initialize(to: Route.none()) }
        routes.deallocate()
        routes = larger
        count = newCount
    }
}

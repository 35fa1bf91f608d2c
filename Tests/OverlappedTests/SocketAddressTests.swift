// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing

@Suite struct SocketAddressTests {
    @Test(
        "host:port, [v6]:port and :port are read",
        arguments: [
            ("127.0.0.1:7777", "127.0.0.1:7777"), ("0.0.0.0:0", "0.0.0.0:0"), ("255.255.255.255:65535", nil),
            (":7777", "[::]:7777"), ("[::]:7777", nil), ("[::1]:1", "[::1]:1"), ("localhost:80", "127.0.0.1:80"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"), ("[2001:0DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"),
            ("[::ffff:1.2.3.4]:5", "[::ffff:1.2.3.4]:5"), ("[fe80::1]:9", "[fe80::1]:9"), (":0", "[::]:0"),
        ] as [(String, String?)])
    func good(text: String, description: String?) {
        let address = SocketAddress(text)
        #expect(address?.description == description ?? text)
        #expect(address.flatMap { SocketAddress($0.description) } == address)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", ":", "::", "7777", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
            "127.0.0.1: 80", " 127.0.0.1:80", "127.0.0:80", "127.0.0.1.5:80", "256.0.0.1:80", "example.org:80",
            "::1:80", "[::1]", "[::1]:", "[::1:80", "::1]:80", "[]:80", "[127.0.0.1]:80", "[::g]:80", "[::1]x:80",
            "[::1]:80:90", "127.0.0.1:80:90", "127.0.0.1:99999999999999999999", "[1:2:3:4:5:6:7:8:9]:80",
            "localhost:", "[localhost]:80", "127.0.0.1:0x50", "127.0.0.1:+80",
        ])
    func bad(text: String) { #expect(SocketAddress(text) == nil) }

    @Test("what an address is, it says")
    func kinds() throws {
        func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(text)) }
        #expect(try !address("127.0.0.1:1").isIPv6)
        #expect(try address("[::1]:1").isIPv6)
        for text in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            #expect(try address(text).isLoopback)
        }
        for text in ["128.0.0.1:1", "10.0.0.1:1", "[::2]:1", "[::]:1", "[::ffff:10.0.0.1]:1", "[1::1]:1"] {
            #expect(try !address(text).isLoopback)
        }
        #expect(try address("[::ffff:10.0.0.1]:1").isMappedIPv4)
        #expect(try !address("[::fffe:10.0.0.1]:1").isMappedIPv4)
        #expect(try address(":1").isAny)
        #expect(try address("0.0.0.0:1").isAny)
        #expect(try !address("[::1]:1").isAny)
        #expect(SocketAddress.anyIPv4(port: 5).description == "0.0.0.0:5")
        #expect(SocketAddress.anyIPv6(port: 5).with(port: 6).description == "[::]:6")
    }

    @Test("an address that is stored comes back the same")
    func stored() {
        for text in ["127.0.0.1:1", "255.254.253.252:65535", "[::]:0", "[102:304:506:708:90a:b0c:d0e:f10]:7777"] {
            let address = SocketAddress(text)
            #expect(address != nil)
            #expect(StoredAddress(address).address == address)
        }
        #expect(StoredAddress().address == nil)
        #expect(StoredAddress(nil).address == nil)
    }
}

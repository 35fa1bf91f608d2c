// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// Results as a file: JSON with sorted keys, so that the same results are the same bytes.
public enum ResultsFile {
    /// Why a file holds no results.
    public struct Fault: Error, CustomStringConvertible {
        /// What is wrong with it.
        public let description: String
    }

    private struct Schema: Decodable { let schema: String }

    /// Writes.
    public static func encode(_ results: Results) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var data = try encoder.encode(results)
        data.append(0x0A)
        return data
    }

    /// Reads what `encode` or another program has written.
    ///
    /// - Throws: `Fault`.
    public static func decode(_ data: Data) throws(Fault) -> Results {
        let decoder = JSONDecoder()
        guard let schema = try? decoder.decode(Schema.self, from: data) else {
            throw Fault(description: "no results of gori study: there is no \"schema\"")
        }
        guard schema.schema == Results.currentSchema else {
            throw Fault(
                description: "it is '\(schema.schema)', and this program reads '\(Results.currentSchema)'")
        }
        do {
            return try decoder.decode(Results.self, from: data)
        } catch let error as DecodingError {
            throw Fault(description: "damaged: \(Self.place(of: error))")
        } catch {
            throw Fault(description: "damaged: \(error)")
        }
    }

    private static func place(of error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "\(path(context)) has no \"\(key.stringValue)\""
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            "\(path(context)): \(context.debugDescription)"
        @unknown default: "\(error)"
        }
    }

    private static func path(_ context: DecodingError.Context) -> String {
        context.codingPath.isEmpty ? "the file" : context.codingPath.map(\.stringValue).joined(separator: ".")
    }
}

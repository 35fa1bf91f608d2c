// SPDX-License-Identifier: Apache-2.0

/// A text in the two languages of the report.
public struct Text: Sendable, Equatable {
    /// English.
    public let english: String
    /// Korean.
    public let korean: String

    /// A text and its translation.
    public init(_ english: String, _ korean: String) {
        self.english = english
        self.korean = korean
    }

    /// A figure, a name or a unit: the same in both.
    public init(_ both: String) { self.init(both, both) }

    /// Two texts, one after the other.
    static func + (first: Text, second: Text) -> Text {
        Text(first.english + second.english, first.korean + second.korean)
    }

    /// The text in a language.
    public subscript(language: Language) -> String { language == .english ? english : korean }

    /// Whether the languages differ.
    public var isTranslated: Bool { english != korean }
}

/// The languages of the report.
public enum Language: String, Sendable, CaseIterable {
    /// English.
    case english = "en"
    /// Korean.
    case korean = "ko"
}

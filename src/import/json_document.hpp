#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

/// JSON of a file. @throws InputError with line and column
[[nodiscard]] nlohmann::json parse_json(std::string_view text, const std::string& file);
/// One value, or several one after the other with nothing but blanks between.
[[nodiscard]] std::vector<nlohmann::json> parse_json_sequence(std::string_view text, const std::string& file);

/// A member of an object; null when there is none, or the value is none.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& value, std::string_view key);
/// A finite number, or a text that is one (protobuf writes 64-bit integers so).
[[nodiscard]] std::optional<double> number_in(const nlohmann::json& value);
/// A text; empty when it is none.
[[nodiscard]] std::string text_in(const nlohmann::json& value);

}  // namespace moesim

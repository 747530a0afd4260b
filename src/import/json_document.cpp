#include "import/json_document.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/core.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(std::string_view text, const std::string& file, std::size_t at, const std::string& message) {
  const std::string_view before = text.substr(0, std::min(at, text.size()));
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::size_t start = before.rfind('\n');
  const std::size_t column = start == std::string_view::npos ? before.size() : before.size() - start;
  throw InputError({Diagnostic{.file = file,
                               .line = static_cast<int>(line),
                               .column = static_cast<int>(std::max<std::size_t>(column, 1)),
                               .message = message}});
}

}  // namespace

json parse_json(std::string_view text, const std::string& file) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    refuse(text, file, error.byte, "is no JSON here (a bracket, comma or quote is missing or too many)");
  } catch (const json::exception& error) {  // numbers beyond double
    refuse(text, file, 0, fmt::format("is no JSON that can be read ({})", error.what()));
  }
}

std::vector<json> parse_json_sequence(std::string_view text, const std::string& file) {
  std::vector<json> values;
  std::size_t begin = 0;
  int depth = 0;
  bool quoted = false;
  const auto take = [&](std::size_t end) {
    try {
      values.push_back(json::parse(text.substr(begin, end - begin)));
    } catch (const json::exception&) {
      refuse(text, file, begin, "no JSON value begins here");
    }
    begin = end;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) refuse(text, file, at, "closes what was not opened");
      if (--depth == 0) take(at + 1);
    }
  }
  if (text.find_first_not_of(" \t\r\n", begin) != std::string_view::npos) {
    refuse(text, file, begin, "is not complete (the last value does not end)");
  }
  return values;
}

const json& member(const json& value, std::string_view key) {
  static const json kNone;
  if (!value.is_object()) return kNone;
  const auto found = value.find(key);
  return found == value.end() ? kNone : *found;
}

std::optional<double> number_in(const json& value) {
  double number = 0;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (!std::isfinite(number)) return std::nullopt;
  return number;
}

std::string text_in(const json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

}  // namespace moesim

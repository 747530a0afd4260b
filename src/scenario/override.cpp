#include "scenario/override.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <string_view>
#include <utility>

#include "scenario/config_parse.hpp"

namespace moesim {

std::vector<std::string> split_path(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    if (end == begin || parts.size() >= kMaxDepth) return {};
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

ConfigPtr apply_overrides(ConfigPtr root, const std::vector<Override>& overrides, std::vector<Diagnostic>& problems) {
  const auto file = std::make_shared<const std::string>("--set");
  for (std::size_t i = 0; i < overrides.size(); ++i) {
    const std::string_view text = overrides[i].text;
    const Origin origin{file, static_cast<int>(i) + 1, 0};
    const std::size_t equals = text.find('=');
    const std::vector<std::string> path =
        equals == std::string_view::npos ? std::vector<std::string>() : split_path(text.substr(0, equals));
    if (path.empty()) {
      problems.push_back(
          {*file, origin.line, 0, std::string(text.substr(0, 60)), "must be key.path=value (e.g. model.moe.top_k=4)"});
      continue;
    }
    const ConfigPtr value = parse_value(text.substr(equals + 1), origin, problems);
    if (value != nullptr) root = with_value(root, path, value);
  }
  return root;
}

}  // namespace moesim

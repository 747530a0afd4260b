#include "figure/html.hpp"

#include <map>

namespace moesim::figure {
namespace {

std::string replaced(std::string_view text, const std::map<char, std::string_view>& by) {
  std::string out;
  out.reserve(text.size());
  for (const char letter : text) {
    const auto found = by.find(letter);
    if (found == by.end()) {
      out += letter;
    } else {
      out += found->second;
    }
  }
  return out;
}

}  // namespace

std::string html_text(std::string_view text) { return replaced(text, {{'<', "&lt;"}, {'&', "&amp;"}}); }
std::string script_json(std::string_view json) { return replaced(json, {{'<', "\\u003c"}}); }

}  // namespace moesim::figure

#pragma once

#include <string>
#include <string_view>

// Text inside of pages: whatever a name contains, it stays text.
namespace moesim::figure {

/// Inside of HTML.
[[nodiscard]] std::string html_text(std::string_view text);
/// JSON inside of a script element: "</script>" in a text must not end it.
[[nodiscard]] std::string script_json(std::string_view json);

}  // namespace moesim::figure

#include "simulations/report/markup.hpp"

#include "base/utf8.hpp"

namespace troupe::simulation {

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : utf8_repaired(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default:
        // No other control character may be in a page.
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) {
          out += "\xEF\xBF\xBD";
        } else {
          out += c;
        }
    }
  }
  return out;
}

std::string shortened(std::string_view text, size_t characters_max) {
  std::string whole = utf8_repaired(text);
  size_t characters = 0, end = 0, last = 0;
  while (end < whole.size()) {
    if (characters++ == characters_max) return whole.substr(0, last) + "…";
    last = end;
    end += utf8_length(std::string_view(whole).substr(end));
  }
  return whole;
}

}  // namespace troupe::simulation

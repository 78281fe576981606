// The value of a size as the model text writes it ("N", "2 * K - 1"), so that readers can tell a wrong length apart
// before the model sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace sibyl {

// Evaluates integer literals, names, + - * / (truncating), unary minus and parentheses. No value where the text has
// anything else (a function call, an index), a name for which `lookup` has no value, or a number beyond 64 bits.
std::optional<std::int64_t>
evaluate_size(std::string_view expression,
              const std::function<std::optional<std::int64_t>(std::string_view name)>& lookup);

} // namespace sibyl

#include "lang/edit_distance.hpp"

#include <algorithm>

namespace sibyl {

int edit_distance(std::string_view first, std::string_view second) {
  const std::size_t rows = first.size() + 1, columns = second.size() + 1;
  std::vector<std::vector<int>> distance(rows, std::vector<int>(columns));
  for (std::size_t i = 0; i < rows; ++i) distance[i][0] = static_cast<int>(i);
  for (std::size_t j = 0; j < columns; ++j) distance[0][j] = static_cast<int>(j);
  for (std::size_t i = 1; i < rows; ++i)
    for (std::size_t j = 1; j < columns; ++j) {
      const int change = first[i - 1] == second[j - 1] ? 0 : 1;
      distance[i][j] = std::min({distance[i - 1][j] + 1, distance[i][j - 1] + 1, distance[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && first[i - 1] == second[j - 2] && first[i - 2] == second[j - 1])
        distance[i][j] = std::min(distance[i][j], distance[i - 2][j - 2] + 1);
    }
  return distance[rows - 1][columns - 1];
}

std::optional<std::string> nearest_name(const std::string& name, const std::vector<std::string>& candidates) {
  std::optional<std::string> nearest;
  int least = std::min<int>(static_cast<int>(name.size()) / 2, 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate == name) continue;
    const int distance = edit_distance(name, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

} // namespace sibyl

#include "lang/types.hpp"

#include <algorithm>
#include <functional>
#include <mutex>
#include <set>

namespace sibyl {

namespace {

struct Before {
  bool operator()(const Type& a, const Type& b) const {
    if (a.base != b.base) return a.base < b.base;
    return a.array_rank != b.array_rank ? a.array_rank < b.array_rank
                                        : std::less<const std::vector<Type>*>()(a.parts, b.parts);
  }
  bool operator()(const std::vector<Type>& a, const std::vector<Type>& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), *this);
  }
};

} // namespace

std::string to_string(const Type& type) {
  static constexpr const char* names[] = {"<error>",    "void",   "int",    "real", "vector",
                                          "row_vector", "matrix", "string", "tuple"};
  std::string base = names[static_cast<int>(type.base)];
  if (type.parts) {
    std::string list;
    for (const Type& one : *type.parts) list += (list.empty() ? "" : ", ") + to_string(one);
    base += "(" + list + ")";
  }
  if (type.array_rank == 0) return base;
  return "array[" + std::string(type.array_rank - 1, ',') + "] " + base;
}

Type tuple_type(const std::vector<Type>& parts, int array_rank) {
  // Types are compared by their lists' addresses: each list is kept once, for good.
  static std::mutex mutex;
  static std::set<std::vector<Type>, Before> lists;
  const std::lock_guard<std::mutex> lock(mutex);
  return {Base::tuple, array_rank, &*lists.insert(parts).first};
}

Type part_type(const Type& tuple, std::size_t number) {
  Type part = (*tuple.parts)[number];
  part.array_rank += tuple.array_rank;
  return part;
}

std::vector<Type> leaf_types(const Type& type) {
  if (!type.parts) return {type};
  std::vector<Type> leaves;
  for (std::size_t i = 0; i < type.parts->size(); ++i)
    for (const Type& one : leaf_types(part_type(type, i))) leaves.push_back(one);
  return leaves;
}

} // namespace sibyl

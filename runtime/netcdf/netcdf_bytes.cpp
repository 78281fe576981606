// InferenceData as a netCDF-4 file in memory; whoever asked for it writes the file, as all other files are written.
#include "lang/errors.hpp"
#include "runtime/data/inference_data.hpp"

#include <netcdf.h>
#include <netcdf_mem.h>

#include <cstdlib>
#include <map>
#include <memory>

namespace sibyl {

namespace {

void require(int status, const std::string& what) {
  if (status != NC_NOERR) throw RuntimeError("cannot write " + what + " as netCDF: " + nc_strerror(status));
}

void write_text(int group, const char* name, const std::string& text) {
  require(nc_put_att_text(group, NC_GLOBAL, name, text.size(), text.data()), name);
}

// Writes the variables of one group; dimensions are made as they are first met.
class GroupWriter {
 public:
  GroupWriter(int file, const InferenceGroup& group) {
    require(nc_def_grp(file, group.name.c_str(), &id_), group.name);
    write_text(id_, "inference_library", "sibyl");
    for (const LabelledArray& one : group.coordinates) write(one);
    for (const LabelledArray& one : group.variables) write(one);
  }

 private:
  int dimension(const std::string& name, std::int64_t extent) {
    const auto [place, is_new] = dimensions_.try_emplace(name, 0);
    if (is_new) require(nc_def_dim(id_, name.c_str(), static_cast<std::size_t>(extent), &place->second), name);
    return place->second;
  }

  void write(const LabelledArray& array) {
    std::vector<int> dimensions;
    for (std::size_t d = 0; d < array.dimensions.size(); ++d)
      dimensions.push_back(dimension(array.dimensions[d], array.values.extents[d]));
    const bool is_text = !array.texts.empty();
    const nc_type type = is_text ? NC_STRING : array.values.is_integer ? NC_INT64 : NC_DOUBLE;
    int variable = 0;
    require(
        nc_def_var(id_, array.name.c_str(), type, static_cast<int>(dimensions.size()), dimensions.data(), &variable),
        array.name);
    if (is_text) {
      std::vector<const char*> texts;
      for (const std::string& text : array.texts) texts.push_back(text.c_str());
      require(nc_put_var_string(id_, variable, texts.data()), array.name);
    } else if (!array.values.values.empty()) {
      require(nc_put_var_double(id_, variable, array.values.values.data()), array.name);
    }
  }

  int id_ = 0;
  std::map<std::string, int> dimensions_;
};

} // namespace

} // namespace sibyl

extern "C" void sibyl_netcdf_bytes(const sibyl::InferenceData& data, std::string& bytes) {
  int file = 0;
  sibyl::require(nc_create_mem("inference_data", NC_NETCDF4, 1 << 20, &file), "the draws");
  try {
    for (const sibyl::InferenceGroup& group : data) sibyl::GroupWriter(file, group);
  } catch (...) {
    nc_abort(file);
    throw;
  }
  NC_memio memory{};
  sibyl::require(nc_close_memio(file, &memory), "the draws");
  const std::unique_ptr<void, void (*)(void*)> owner(memory.memory, std::free);
  bytes.assign(static_cast<const char*>(memory.memory), memory.size);
}

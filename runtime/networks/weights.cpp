#include "runtime/networks/weights.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"

#include <nlohmann/json.hpp>

#include <bit>
#include <cstring>

namespace sibyl {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

void write_safetensors(const std::string& path, const WeightsFile& file) {
  nlohmann::ordered_json header;
  header["__metadata__"] = file.metadata;
  std::size_t at = 0;
  for (const auto& [name, tensor] : file.weights) {
    const std::size_t bytes = tensor.values.size() * sizeof(float);
    header[name] = {{"dtype", "F32"}, {"shape", {tensor.rows, tensor.columns}}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  OutputFile out(path);
  out.write({reinterpret_cast<const char*>(&length), sizeof length});
  out.write(text);
  for (const auto& [name, tensor] : file.weights)
    out.write({reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float)});
  out.commit();
}

WeightsFile read_safetensors(const std::string& path) { return parse_safetensors(read_file(path), path); }

WeightsFile parse_safetensors(std::string_view bytes, const std::string& name) {
  const auto damaged = [&](const std::string& why) {
    return UserError(name + " is no sampler file, or damaged: " + why);
  };
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) throw damaged("it is too short");
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > bytes.size() - sizeof length) throw damaged("its header is cut short");
  const std::size_t begin = sizeof length + length, size = bytes.size() - begin;
  WeightsFile file;
  try {
    const auto header =
        nlohmann::json::parse(bytes.begin() + sizeof length, bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                              [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
                                if (depth > 8) throw damaged("its header is nested too deeply");
                                return true;
                              });
    for (const auto& [tensor_name, entry] : header.items()) {
      if (tensor_name == "__metadata__") {
        file.metadata = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      WeightTensor tensor{entry.at("shape").at(0), entry.at("shape").at(1), {}};
      const std::size_t first = entry.at("data_offsets").at(0), last = entry.at("data_offsets").at(1);
      if (entry.at("dtype") != "F32" || entry.at("shape").size() != 2)
        throw damaged("the tensor " + tensor_name + " is no matrix of floats");
      if (first > last || last > size) throw damaged("the tensor " + tensor_name + " is cut short");
      // By division: a product of shapes that are not true may overflow to the right size.
      const std::size_t count = (last - first) / sizeof(float);
      const bool fits = (last - first) % sizeof(float) == 0 &&
                        (tensor.rows == 0 || tensor.columns == 0
                             ? count == 0
                             : count % tensor.columns == 0 && count / tensor.columns == tensor.rows);
      if (!fits) throw damaged("the tensor " + tensor_name + " has not the size of its shape");
      tensor.values.resize(count);
      if (!tensor.values.empty()) std::memcpy(tensor.values.data(), bytes.data() + begin + first, last - first);
      file.weights[tensor_name] = std::move(tensor);
    }
  } catch (const nlohmann::json::exception& error) {
    throw damaged("its header is not what it should be");
  }
  return file;
}

} // namespace sibyl

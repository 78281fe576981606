// BridgeStan's C interface, version 2.9: what its clients for Python, R, Julia and Rust call in a model's library.
//
// Each entry is one lambda; what it throws becomes the error message that the caller frees.
#include "lang/errors.hpp"
#include "runtime/model/bridgestan/stan_model.hpp"
#include "runtime/model/exception_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using sibyl::bridgestan::OutputChoice;
using sibyl::bridgestan::RandomNumbers;
using sibyl::bridgestan::StanModel;

using bs_model = StanModel;
using bs_rng = RandomNumbers;
using bs_print_callback = void (*)(const char* text, std::size_t length);

// What the compiler has put beside this file. Weak: a model may lack a function.
extern "C" {
extern const char sibyl_metadata[];
#define SIBYL_LINKED(name) __attribute__((weak)) std::int32_t sibyl_##name##_f64_x1(sibyl_call*)
SIBYL_LINKED(sizes);
SIBYL_LINKED(transform_data);
SIBYL_LINKED(log_density);
SIBYL_LINKED(log_density_gradient);
SIBYL_LINKED(constrain);
SIBYL_LINKED(unconstrain);
#undef SIBYL_LINKED
}

namespace {

// The functions of the library that this file is linked into, for one lane in double.
class LinkedSource final : public sibyl::FunctionSource {
 public:
  explicit LinkedSource(const sibyl::Metadata& metadata) : facts_(metadata.facts), entries_(metadata.entries) {}

  sibyl_function find(std::string_view name, sibyl::Precision precision, int lanes) override {
    const std::pair<std::string_view, sibyl_function> functions[] = {
        {"sizes", sibyl_sizes_f64_x1},
        {"transform_data", sibyl_transform_data_f64_x1},
        {"log_density", sibyl_log_density_f64_x1},
        {"log_density_gradient", sibyl_log_density_gradient_f64_x1},
        {"constrain", sibyl_constrain_f64_x1},
        {"unconstrain", sibyl_unconstrain_f64_x1}};
    // The model's own list decides: a weak symbol that it lacks could come from another model's library.
    if (std::find(entries_.begin(), entries_.end(), name) != entries_.end() && precision == sibyl::Precision::f64 &&
        lanes == 1)
      for (const auto& [known, code] : functions)
        if (known == name && code) return code;
    throw sibyl::UserError(sibyl::missing_function(facts_, name));
  }
  int preferred_lanes(sibyl::Precision) const override { return 1; }

 private:
  sibyl::Facts facts_;
  std::vector<std::string> entries_;
};

std::shared_ptr<sibyl::CompiledModel> linked_model() {
  const sibyl::Metadata metadata = sibyl::metadata_from_text(sibyl_metadata, "this library");
  return std::make_shared<sibyl::CompiledModel>(metadata.name, metadata.text, metadata.facts, metadata.messages,
                                                std::make_shared<LinkedSource>(metadata));
}

void set_error(char** error, const char* text) {
  if (!error) return;
  const std::size_t size = std::strlen(text) + 1;
  *error = static_cast<char*>(std::malloc(size));
  if (*error) std::memcpy(*error, text, size);
}

// 0, or -1 with the message set.
template <typename Body>
int guarded(char** error, const Body& body) {
  try {
    body();
    return 0;
  } catch (const std::exception& exception) {
    set_error(error, exception.what());
  } catch (...) {
    set_error(error, "unknown exception");
  }
  return -1;
}

} // namespace

#define BS_PUBLIC extern "C" __attribute__((visibility("default")))

BS_PUBLIC int bs_major_version;
BS_PUBLIC int bs_minor_version;
BS_PUBLIC int bs_patch_version;
int bs_major_version = 2;
int bs_minor_version = 9;
int bs_patch_version = 0;

BS_PUBLIC bs_model* bs_model_construct(const char* data, unsigned int seed, char** error) {
  bs_model* model = nullptr;
  guarded(error, [&] { model = new StanModel(linked_model(), data ? data : "", seed); });
  return model;
}

BS_PUBLIC void bs_model_destruct(bs_model* model) { delete model; }

BS_PUBLIC void bs_free_error_msg(char* error) { std::free(error); }

BS_PUBLIC const char* bs_name(const bs_model* model) { return model->name().c_str(); }

BS_PUBLIC const char* bs_model_info(const bs_model* model) { return model->info().c_str(); }

BS_PUBLIC const char* bs_param_names(const bs_model* model, bool include_tp, bool include_gq) {
  return model->parameter_names({include_tp, include_gq}).c_str();
}

BS_PUBLIC const char* bs_param_unc_names(const bs_model* model) { return model->unconstrained_names().c_str(); }

BS_PUBLIC int bs_param_num(const bs_model* model, bool include_tp, bool include_gq) {
  return static_cast<int>(model->parameter_count({include_tp, include_gq}));
}

BS_PUBLIC int bs_param_unc_num(const bs_model* model) { return static_cast<int>(model->unconstrained_count()); }

BS_PUBLIC int bs_param_constrain(const bs_model* model, bool include_tp, bool include_gq, const double* unconstrained,
                                 double* result, bs_rng* rng, char** error) {
  return guarded(error, [&] {
    model->constrain({include_tp, include_gq}, {unconstrained, model->unconstrained_count()}, result, rng);
  });
}

BS_PUBLIC int bs_param_unconstrain(const bs_model* model, const double* parameters, double* result, char** error) {
  return guarded(error, [&] { model->unconstrain(parameters, result); });
}

BS_PUBLIC int bs_param_unconstrain_json(const bs_model* model, const char* json, double* result, char** error) {
  return guarded(error, [&] { model->unconstrain_json(json, result); });
}

BS_PUBLIC int bs_param_initialize(const bs_model* model, const char* json, bs_rng* rng, double radius, int tries,
                                  bool jacobian, double* result, char** error) {
  return guarded(error, [&] {
    if (!rng) throw sibyl::UserError("initialization needs a random number generator");
    model->initialize(json ? json : "", *rng, radius, tries, jacobian, result);
  });
}

// `propto` allows constant terms to be dropped; none are.
BS_PUBLIC int bs_log_density(const bs_model* model, bool, bool jacobian, const double* point, double* value,
                             char** error) {
  return guarded(error, [&] { *value = model->log_density(jacobian, point); });
}

BS_PUBLIC int bs_log_density_gradient(const bs_model* model, bool, bool jacobian, const double* point, double* value,
                                      double* gradient, char** error) {
  return guarded(error, [&] { *value = model->gradient(jacobian, point, gradient); });
}

BS_PUBLIC int bs_log_density_hessian(const bs_model* model, bool, bool jacobian, const double* point, double* value,
                                     double* gradient, double* hessian, char** error) {
  return guarded(error, [&] { *value = model->hessian(jacobian, point, gradient, hessian); });
}

BS_PUBLIC int bs_log_density_hessian_vector_product(const bs_model* model, bool, bool jacobian, const double* point,
                                                    const double* vector, double* value, double* product,
                                                    char** error) {
  return guarded(error, [&] { *value = model->hessian_times(jacobian, point, vector, product); });
}

BS_PUBLIC bs_rng* bs_rng_construct(unsigned int seed, char** error) {
  bs_rng* rng = nullptr;
  guarded(error, [&] { rng = new RandomNumbers(seed); });
  return rng;
}

BS_PUBLIC void bs_rng_destruct(bs_rng* rng) { delete rng; }

BS_PUBLIC int bs_set_print_callback(bs_print_callback callback, char** error) {
  return guarded(error, [&] { sibyl::set_print_sink(callback); });
}

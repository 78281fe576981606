#include "lang/check/stan_functions.hpp"

#include <algorithm>
#include <array>

namespace sibyl::checking {

namespace {

// clang-format off
constexpr std::array names = {
    "Phi", "Phi_approx", "abs", "acos", "acosh", "add", "add_diag", "append_array", "append_col", "append_row",
    "arg", "asin", "asinh", "atan", "atan2", "atanh", "bessel_first_kind", "bessel_second_kind", "beta",
    "binary_log_loss", "block", "cbrt", "ceil", "chol2inv", "cholesky_decompose", "cholesky_factor_corr_constrain",
    "cholesky_factor_corr_jacobian", "cholesky_factor_corr_unconstrain", "cholesky_factor_cov_constrain",
    "cholesky_factor_cov_jacobian", "cholesky_factor_cov_unconstrain", "choose", "col", "cols",
    "columns_dot_product", "columns_dot_self", "complex_schur_decompose", "complex_schur_decompose_t",
    "complex_schur_decompose_u", "conj", "corr_matrix_constrain", "corr_matrix_jacobian", "corr_matrix_unconstrain",
    "cos", "cosh", "cov_exp_quad", "cov_matrix_constrain", "cov_matrix_jacobian", "cov_matrix_unconstrain",
    "crossprod", "csr_extract", "csr_extract_u", "csr_extract_v", "csr_extract_w", "csr_matrix_times_vector",
    "csr_to_dense_matrix", "cumulative_sum", "dae", "dae_tol", "determinant", "diag_matrix", "diag_post_multiply",
    "diag_pre_multiply", "diagonal", "digamma", "dims", "distance", "divide", "dot_product", "dot_self", "e",
    "eigendecompose", "eigendecompose_sym", "eigenvalues", "eigenvalues_sym", "eigenvectors", "eigenvectors_sym",
    "elt_divide", "elt_multiply", "elt_pow", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "falling_factorial",
    "fdim", "fft", "fft2", "floor", "fma", "fmax", "fmin", "fmod", "gamma_p", "gamma_q", "generalized_inverse",
    "get_imag", "get_real", "gp_dot_prod_cov", "gp_exp_quad_cov", "gp_exponential_cov", "gp_matern32_cov",
    "gp_matern52_cov", "gp_periodic_cov", "head", "hmm_hidden_state_prob", "hmm_latent_rng", "hmm_marginal",
    "hypergeometric_1F0", "hypergeometric_2F1", "hypergeometric_3F2", "hypergeometric_pFq", "hypot",
    "identity_matrix", "inc_beta", "int_divide", "int_step", "integrate_1d", "integrate_ode_adams",
    "integrate_ode_bdf", "integrate_ode_rk45", "inv", "inv_Phi", "inv_cloglog", "inv_erfc", "inv_fft", "inv_fft2",
    "inv_inc_beta", "inv_logit", "inv_sqrt", "inv_square", "inverse", "inverse_spd", "is_inf", "is_nan",
    "lambert_w0", "lambert_wm1", "laplace_latent_rng", "laplace_marginal", "laplace_marginal_tol", "lbeta",
    "lchoose", "ldexp", "lgamma", "linspaced_array", "linspaced_int_array", "linspaced_row_vector",
    "linspaced_vector", "lmgamma", "lmultiply", "log", "log10", "log1m", "log1m_exp", "log1m_inv_logit", "log1p",
    "log1p_exp", "log2", "log_determinant", "log_determinant_spd", "log_diff_exp", "log_falling_factorial",
    "log_inv_logit", "log_inv_logit_diff", "log_mix", "log_modified_bessel_first_kind", "log_rising_factorial",
    "log_softmax", "log_sum_exp", "logical_and", "logical_eq", "logical_gt", "logical_negation", "logical_or",
    "logit", "lower_bound_constrain", "lower_bound_jacobian", "lower_bound_unconstrain",
    "lower_upper_bound_constrain", "lower_upper_bound_jacobian", "lower_upper_bound_unconstrain",
    "machine_precision", "map_rect", "matrix_exp", "matrix_exp_multiply", "matrix_power", "max", "mdivide_left",
    "mdivide_left_spd", "mdivide_left_tri_low", "mdivide_right", "mdivide_right_spd", "mdivide_right_tri_low",
    "mean", "min", "minus", "modified_bessel_first_kind", "modified_bessel_second_kind", "modulus", "multiply",
    "multiply_log", "multiply_lower_tri_self_transpose", "negative_infinity", "norm", "norm1", "norm2",
    "not_a_number", "num_elements", "ode_adams", "ode_adams_tol", "ode_adjoint_tol_ctl", "ode_bdf", "ode_bdf_tol",
    "ode_ckrk", "ode_ckrk_tol", "ode_rk45", "ode_rk45_tol", "offset_multiplier_constrain",
    "offset_multiplier_jacobian", "offset_multiplier_unconstrain", "one_hot_array", "one_hot_int_array",
    "one_hot_row_vector", "one_hot_vector", "ones_array", "ones_int_array", "ones_row_vector", "ones_vector",
    "ordered_constrain", "ordered_jacobian", "ordered_unconstrain", "owens_t", "pi", "plus", "polar",
    "positive_infinity", "positive_ordered_constrain", "positive_ordered_jacobian", "positive_ordered_unconstrain",
    "pow", "prod", "proj", "qr", "qr_Q", "qr_R", "qr_thin", "qr_thin_Q", "qr_thin_R", "quad_form", "quad_form_diag",
    "quad_form_sym", "quantile", "rank", "reduce_sum", "reduce_sum_static", "rep_array", "rep_matrix",
    "rep_row_vector", "rep_vector", "reverse", "rising_factorial", "round", "row", "rows", "rows_dot_product",
    "rows_dot_self", "scale_matrix_exp_multiply", "sd", "segment", "simplex_constrain", "simplex_jacobian",
    "simplex_unconstrain", "sin", "singular_values", "sinh", "size", "softmax", "solve_newton", "solve_newton_tol",
    "solve_powell", "solve_powell_tol", "sort_asc", "sort_desc", "sort_indices_asc", "sort_indices_desc", "sqrt",
    "sqrt2", "square", "squared_distance", "std_normal_log_qf", "std_normal_qf", "step",
    "stochastic_column_constrain", "stochastic_column_jacobian", "stochastic_column_unconstrain",
    "stochastic_row_constrain", "stochastic_row_jacobian", "stochastic_row_unconstrain", "sub_col", "sub_row",
    "subtract", "sum", "sum_to_zero_constrain", "sum_to_zero_jacobian", "sum_to_zero_unconstrain", "svd", "svd_U",
    "svd_V", "symmetrize_from_lower_tri", "tail", "tan", "tanh", "tcrossprod", "tgamma", "to_array_1d",
    "to_array_2d", "to_complex", "to_int", "to_matrix", "to_row_vector", "to_vector", "trace",
    "trace_gen_quad_form", "trace_quad_form", "transpose", "trigamma", "trunc", "unit_vector_constrain",
    "unit_vector_jacobian", "unit_vector_unconstrain", "upper_bound_constrain", "upper_bound_jacobian",
    "upper_bound_unconstrain", "variance", "zeros_array", "zeros_int_array", "zeros_row_vector", "zeros_vector"};
// clang-format on

} // namespace

bool is_function_of_stan(std::string_view name) {
  return std::binary_search(names.begin(), names.end(), name,
                            [](std::string_view a, std::string_view b) { return a < b; });
}

} // namespace sibyl::checking

; ModuleID = 'sibyl'
source_filename = "sibyl"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

; Function Attrs: mustprogress nofree norecurse nosync nounwind willreturn memory(readwrite, inaccessiblemem: none)
define noundef i32 @sibyl_log_density_f32_x8(ptr nocapture %call) local_unnamed_addr #0 {
entry:
  %0 = getelementptr i8, ptr %call, i64 8
  %1 = load ptr, ptr %0, align 8
  %2 = getelementptr i8, ptr %call, i64 56
  %3 = load i32, ptr %2, align 4
  %.splatinsert = insertelement <8 x i32> poison, i32 %3, i64 0
  %.splat = shufflevector <8 x i32> %.splatinsert, <8 x i32> poison, <8 x i32> zeroinitializer
  %active = icmp sgt <8 x i32> %.splat, <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %4 = getelementptr i8, ptr %call, i64 96
  %5 = load ptr, ptr %4, align 8
  store <8 x i32> <i32 -1, i32 -1, i32 -1, i32 -1, i32 -1, i32 -1, i32 -1, i32 -1>, ptr %5, align 4
  %6 = getelementptr i8, ptr %call, i64 64
  %7 = load ptr, ptr %6, align 8
  %8 = getelementptr i8, ptr %call, i64 80
  %9 = load ptr, ptr %8, align 8
  %10 = load <8 x float>, ptr %7, align 4
  %11 = fcmp ogt <8 x float> %10, zeroinitializer
  %12 = and <8 x i1> %11, %active
  %13 = fmul <8 x float> %10, <float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00, float 2.000000e+00>
  %14 = select <8 x i1> %12, <8 x float> %13, <8 x float> zeroinitializer
  %15 = xor <8 x i1> %11, <i1 true, i1 true, i1 true, i1 true, i1 true, i1 true, i1 true, i1 true>
  %16 = and <8 x i1> %active, %15
  %17 = fneg <8 x float> %10
  %18 = select <8 x i1> %16, <8 x float> %17, <8 x float> %14
  store <8 x float> %18, ptr %9, align 4
  store ptr %1, ptr %0, align 8
  ret i32 0
}

attributes #0 = { mustprogress nofree norecurse nosync nounwind willreturn memory(readwrite, inaccessiblemem: none) "min-legal-vector-width"="256" "prefer-vector-width"="256" }

!llvm.module.flags = !{!0}

!0 = !{i32 8, !"PIC Level", i32 2}

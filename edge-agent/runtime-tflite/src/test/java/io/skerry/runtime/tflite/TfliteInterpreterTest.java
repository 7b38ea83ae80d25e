package io.skerry.runtime.tflite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.LoadOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.ToIntBiFunction;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorflowlite.BuiltinOpResolver;
import org.bytedeco.tensorflowlite.FlatBufferModel;
import org.bytedeco.tensorflowlite.TfLiteContext;
import org.bytedeco.tensorflowlite.TfLiteDelegate;
import org.bytedeco.tensorflowlite.TfLiteIntArray;
import org.bytedeco.tensorflowlite.TfLiteRegistration;
import org.bytedeco.tensorflowlite.global.tensorflowlite;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@SuppressWarnings("restricted") // TFLite calls back into Java.
class TfliteInterpreterTest {
  private static final Path MODEL =
      Path.of("../../../shared/data/mlperf-tiny/kws_ref_model.tflite");

  @BeforeEach
  void needsTheNativeLibraryAndAModel() {
    assumeThat(new TfliteEngine().probe()).isInstanceOf(EngineStatus.Available.class);
    assumeThat(MODEL).as("no real model at ../shared/data").isRegularFile();
  }

  @Test
  void refusesADelegateThatTakesNothing() {
    for (LoadOptions options :
        new LoadOptions[] {LoadOptions.DEFAULTS, LoadOptions.DEFAULTS.onAcceleratorOnly()}) {
      assertThatThrownBy(() -> open(options, 0))
          .isInstanceOfSatisfying(
              EngineException.class,
              e -> assertThat(e.reason()).isEqualTo(Reason.ENGINE_UNAVAILABLE))
          .hasMessageMatching(".*leaves (\\d+) of \\1 operators of kws_ref_model.tflite.*");
    }
  }

  @Test
  void leavesOperatorsToTheProcessorUnlessOnlyTheAcceleratorMayRun() {
    assertThatCode(() -> open(LoadOptions.DEFAULTS, 2)).doesNotThrowAnyException();
    assertThatThrownBy(() -> open(LoadOptions.DEFAULTS.onAcceleratorOnly(), 2))
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.ENGINE_UNAVAILABLE))
        .hasMessageMatching(".*leaves \\d+ of \\d+ operators of kws_ref_model.tflite.*");
  }

  private static void open(LoadOptions options, int taken) throws EngineException {
    try (FlatBufferModel model = FlatBufferModel.BuildFromFile(MODEL.toString());
        BuiltinOpResolver resolver = new BuiltinOpResolver();
        Taking taking = new Taking(taken)) {
      ExternalDelegate delegate =
          new ExternalDelegate(
              MethodHandles.empty(MethodType.methodType(void.class, MemorySegment.class)),
              MemorySegment.ofAddress(taking.delegate.address()));
      TfliteInterpreter.open(
              String.valueOf(MODEL.getFileName()),
              model,
              resolver,
              options,
              Optional.of(delegate),
              Optional.empty())
          .close();
    }
  }

  /**
   * A delegate that takes the first nodes of a graph, and is never run. TFLite calls the Java below
   * through pointers that are written where C has them: {@code Prepare} of a delegate after {@code
   * data_}, {@code prepare} of a kernel after {@code init} and {@code free}.
   */
  private static final class Taking implements AutoCloseable {
    private final Arena arena = Arena.ofConfined();
    private final TfLiteDelegate delegate = new TfLiteDelegate();
    private final TfLiteRegistration kernel = new TfLiteRegistration();
    private final TfLiteIntArray nodes;

    Taking(int taken) {
      nodes = tensorflowlite.TfLiteIntArrayCreate(taken);
      for (int i = 0; i < taken; i++) {
        nodes.data(i, i);
      }
      point(delegate, 1, (context, self) -> taken == 0 ? tensorflowlite.kTfLiteOk : take(context));
      point(kernel, 2, (context, node) -> tensorflowlite.kTfLiteOk);
    }

    private void point(
        Pointer struct, int field, ToIntBiFunction<MemorySegment, MemorySegment> callback) {
      MethodHandle called;
      try {
        called =
            MethodHandles.lookup()
                .findVirtual(
                    ToIntBiFunction.class,
                    "applyAsInt",
                    MethodType.methodType(int.class, Object.class, Object.class))
                .bindTo(callback)
                .asType(MethodType.methodType(int.class, MemorySegment.class, MemorySegment.class));
      } catch (ReflectiveOperationException e) {
        throw new LinkageError(e.getMessage(), e);
      }
      FunctionDescriptor signature =
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS);
      MemorySegment.ofAddress(struct.address())
          .reinterpret((field + 1) * ValueLayout.ADDRESS.byteSize())
          .setAtIndex(
              ValueLayout.ADDRESS,
              field,
              Linker.nativeLinker().upcallStub(called, signature, arena));
    }

    private int take(MemorySegment at) {
      TfLiteContext context = new TfLiteContext(new At(at));
      return context.ReplaceNodeSubsetsWithDelegateKernels().call(context, kernel, nodes, delegate);
    }

    private static final class At extends Pointer {
      At(MemorySegment segment) {
        address = segment.address();
      }
    }

    @Override
    public void close() {
      tensorflowlite.TfLiteIntArrayFree(nodes);
      arena.close();
    }
  }
}

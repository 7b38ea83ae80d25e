package io.skerry.runtime.tflite;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorflowlite.TfLiteDelegate;
import org.jspecify.annotations.Nullable;

/**
 * An accelerator's delegate, made by a vendor's library through TFLite's external delegate
 * interface:
 *
 * <pre>
 *  TfLiteDelegate* tflite_plugin_create_delegate(char** keys, char** values, size_t n, report)
 *  void            tflite_plugin_destroy_delegate(TfLiteDelegate*)
 * </pre>
 *
 * One delegate serves one interpreter and is closed after it.
 */
@SuppressWarnings("restricted") // A vendor's library is native code by its nature.
final class ExternalDelegate implements AutoCloseable {
  private static final String CREATE = "tflite_plugin_create_delegate";
  private static final String DESTROY = "tflite_plugin_destroy_delegate";

  private final MethodHandle destroy;
  private final MemorySegment made;

  /** One that was made, and what takes it away. */
  ExternalDelegate(MethodHandle destroy, MemorySegment made) {
    this.destroy = destroy;
    this.made = made;
  }

  /** A new delegate; the library stays loaded, because what it started may not be unloadable. */
  static ExternalDelegate open(Path library) throws EngineException {
    try {
      Linker linker = Linker.nativeLinker();
      SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
      MethodHandle create =
          linker.downcallHandle(
              symbol(symbols, library, CREATE),
              FunctionDescriptor.of(
                  ValueLayout.ADDRESS,
                  ValueLayout.ADDRESS,
                  ValueLayout.ADDRESS,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.ADDRESS));
      MethodHandle destroy =
          linker.downcallHandle(
              symbol(symbols, library, DESTROY), FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
      MemorySegment made =
          (MemorySegment)
              create.invokeExact(MemorySegment.NULL, MemorySegment.NULL, 0L, MemorySegment.NULL);
      if (made.address() == 0) {
        throw unavailable(library, "finds no accelerator here", null);
      }
      return new ExternalDelegate(destroy, made);
    } catch (EngineException e) {
      throw e;
    } catch (IllegalArgumentException e) {
      throw unavailable(library, "cannot be loaded: " + e.getMessage(), e);
    } catch (Throwable e) {
      throw unavailable(library, "failed: " + e, e);
    }
  }

  private static MemorySegment symbol(SymbolLookup symbols, Path library, String name)
      throws EngineException {
    return symbols
        .find(name)
        .orElseThrow(() -> unavailable(library, "is no TFLite delegate: it has no " + name, null));
  }

  private static EngineException unavailable(
      Path library, String fault, @Nullable Throwable cause) {
    String message = "delegate library %s %s".formatted(library, fault);
    return cause == null
        ? new EngineException(Reason.ENGINE_UNAVAILABLE, message)
        : new EngineException(Reason.ENGINE_UNAVAILABLE, message, cause);
  }

  TfLiteDelegate delegate() {
    return new TfLiteDelegate(new Address(made.address()));
  }

  /** A native address in javacpp's terms. */
  private static final class Address extends Pointer {
    Address(long value) {
      address = value;
    }
  }

  @Override
  public void close() {
    try {
      destroy.invokeExact(made);
    } catch (Throwable e) {
      throw new IllegalStateException("delegate did not close: " + e, e);
    }
  }
}

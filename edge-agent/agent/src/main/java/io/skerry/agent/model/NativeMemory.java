package io.skerry.agent.model;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives back to the system what the C library keeps of freed memory: without that, a model that was
 * unloaded still costs what it cost. Does nothing where the C library has no such call.
 */
final class NativeMemory {
  private static final Logger log = LoggerFactory.getLogger(NativeMemory.class);
  private static final Optional<MethodHandle> TRIM = find();
  private static final AtomicBoolean WANTED = new AtomicBoolean();

  private NativeMemory() {}

  @SuppressWarnings("restricted") // A call of the C library that takes and gives numbers.
  private static Optional<MethodHandle> find() {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find("malloc_trim")
        .map(
            symbol ->
                linker.downcallHandle(
                    symbol, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG)));
  }

  /** Blocks for milliseconds; what several threads want at a time is done once. */
  static void trim() {
    if (TRIM.isEmpty() || !WANTED.compareAndSet(false, true)) {
      return;
    }
    synchronized (NativeMemory.class) {
      WANTED.set(false);
      try {
        int _ = (int) TRIM.get().invokeExact(0L);
      } catch (Throwable e) {
        log.atWarn().setCause(e).log("memory not trimmed");
      }
    }
  }
}

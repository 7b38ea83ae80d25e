package io.skerry.agent.model;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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
  private static final long EVERY_NANOS = 1_000_000_000;
  private static volatile long last = System.nanoTime() - EVERY_NANOS;

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

  /** Gives back soon: at once, or a while after the last time, because it takes milliseconds. */
  static void trim() {
    if (TRIM.isEmpty() || !WANTED.compareAndSet(false, true)) {
      return;
    }
    long wait = EVERY_NANOS - (System.nanoTime() - last);
    if (wait <= 0) {
      trimNow(TRIM.get());
    } else {
      CompletableFuture.delayedExecutor(wait, TimeUnit.NANOSECONDS)
          .execute(() -> trimNow(TRIM.get()));
    }
  }

  private static void trimNow(MethodHandle trim) {
    // What is wanted from here on is another time.
    WANTED.set(false);
    last = System.nanoTime();
    try {
      int _ = (int) trim.invokeExact(0L);
    } catch (Throwable e) {
      log.atWarn().setCause(e).log("memory not trimmed");
    }
  }
}

package io.skerry.agent.model;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
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

  // struct mallinfo2: ten counts, in the order of malloc.h.
  private static final MemoryLayout COUNTS = MemoryLayout.sequenceLayout(10, ValueLayout.JAVA_LONG);
  private static final MemoryLayout INFO =
      MemoryLayout.structLayout(COUNTS.withName("counts")).withName("mallinfo2");
  private static final int LARGE = 4;
  private static final int USED = 7;
  private static final int FREE = 8;
  private static final Optional<MethodHandle> TELL = findTell();

  @SuppressWarnings("restricted") // A call of the C library that gives numbers.
  private static Optional<MethodHandle> findTell() {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find("mallinfo2")
        .map(symbol -> linker.downcallHandle(symbol, FunctionDescriptor.of(INFO)));
  }

  /** What the allocator tells of itself; empty where it does not. */
  static Optional<EngineMemory.Allocated> allocated() {
    if (TELL.isEmpty()) {
      return Optional.empty();
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment told = (MemorySegment) TELL.get().invokeExact((SegmentAllocator) arena);
      return Optional.of(
          new EngineMemory.Allocated(count(told, USED) + count(told, LARGE), count(told, FREE)));
    } catch (Throwable e) {
      log.atDebug().setCause(e).log("the allocator tells nothing");
      return Optional.empty();
    }
  }

  private static long count(MemorySegment told, int index) {
    return told.getAtIndex(ValueLayout.JAVA_LONG, index);
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

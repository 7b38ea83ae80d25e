package io.skerry.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One call's use of engines: memory for its tensors, and the way to stop it.
 *
 * <p>{@link #stop} may be called by any thread at any time; everything else by the thread that
 * makes the call. Buffers that were taken must not be touched after {@link #close}.
 */
public final class RunScope implements AutoCloseable {
  private final @Nullable TensorPool pool;
  private final List<ByteBuffer> taken = new ArrayList<>(4);
  private @Nullable Runnable running;
  private boolean givesBack;
  private boolean mayNotWait;
  private volatile boolean stopped;

  RunScope(@Nullable TensorPool pool) {
    this.pool = pool;
  }

  /** A scope whose buffers are the garbage collector's: they may be kept after it is closed. */
  public static RunScope lasting() {
    return new RunScope(null);
  }

  /** Whether buffers stay valid after the scope is closed. */
  public boolean lasts() {
    return pool == null;
  }

  /**
   * Direct memory, little-endian, from position 0 to limit {@code bytes}. What is in it is left
   * from its last use.
   *
   * @throws OutOfMemoryError if there is none
   */
  public ByteBuffer take(int bytes) {
    if (pool == null) {
      return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
    ByteBuffer whole = pool.take(bytes);
    taken.add(whole);
    return whole.slice(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Whether engines keep nothing of what the next runs take beside the model itself. */
  public void giveBack(boolean all) {
    givesBack = all;
  }

  /** Whether nothing is kept after a run. */
  public boolean givesBack() {
    return givesBack;
  }

  /** The next runs are made on a thread that serves others too, and must not wait on it. */
  public void mayNotWait() {
    mayNotWait = true;
  }

  /**
   * A run is about to wait for others, or for something that takes longer than it does.
   *
   * @throws EngineException with reason {@code MUST_WAIT} if it may not
   */
  public void requireMayWait() throws EngineException {
    if (mayNotWait) {
      throw new EngineException(
          EngineException.Reason.MUST_WAIT, "the run would have to wait on a thread that may not");
    }
  }

  /** Stops the run that is under way, and refuses every later one. */
  public synchronized void stop() {
    stopped = true;
    if (running != null) {
      running.run();
    }
  }

  /** Whether it was stopped. */
  public boolean isStopped() {
    return stopped;
  }

  /**
   * An engine begins a run; {@link #leave} follows.
   *
   * @param stop stops the run; is called between this and {@link #leave} only, perhaps more than
   *     once
   * @throws EngineException with reason {@code STOPPED} if the call was stopped before
   */
  public synchronized void enter(Runnable stop) throws EngineException {
    if (stopped) {
      throw new EngineException(EngineException.Reason.STOPPED, "stopped before it began");
    }
    running = stop;
  }

  /** The run is over. */
  public synchronized void leave() {
    running = null;
  }

  /** Gives the buffers back. */
  @Override
  public void close() {
    if (pool != null) {
      taken.forEach(pool::give);
      taken.clear();
    }
  }
}

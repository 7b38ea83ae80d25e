package io.skerry.agent.boot;

import io.skerry.agent.observe.OpenWindowKeeper;
import io.skerry.agent.uplink.Spool;
import java.io.IOException;
import java.util.Optional;

/** Keeps open windows beside the records that close them. */
public record SpooledWindows(Spool spool) implements OpenWindowKeeper {
  @Override
  public Optional<Left> left() throws IOException {
    return spool.checkpointed().map(found -> new Left(found.content(), found.since()));
  }

  @Override
  public boolean keep(byte[] content) {
    return spool.checkpoint(content);
  }

  @Override
  public void together(Runnable acts) {
    spool.together(acts);
  }
}

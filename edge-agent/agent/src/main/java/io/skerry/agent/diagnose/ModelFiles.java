package io.skerry.agent.diagnose;

import io.skerry.agent.model.ServingModel;
import java.nio.file.Path;
import java.util.Optional;

/** Where the file of a served version lies. */
@FunctionalInterface
public interface ModelFiles {
  /** The file; empty when it has gone. */
  Optional<Path> of(ServingModel model);
}

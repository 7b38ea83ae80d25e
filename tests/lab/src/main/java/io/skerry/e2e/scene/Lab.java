package io.skerry.e2e.scene;

import io.skerry.artifact.OciLayout;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A control plane for many scenes. Thread-safe. */
public final class Lab implements AutoCloseable {
  private static final byte[] NO_LABELS = "[]".getBytes(StandardCharsets.UTF_8);

  private final Path folder;
  private final Plane plane;
  private final TinyArtifacts artifacts;
  private final AgentStart agents;
  private final AtomicLong versions = new AtomicLong();
  private final AtomicInteger scenes = new AtomicInteger();

  private Lab(Path folder, Plane plane, TinyArtifacts artifacts, AgentStart agents) {
    this.folder = folder;
    this.plane = plane;
    this.artifacts = artifacts;
    this.agents = agents;
  }

  /**
   * Starts a control plane.
   *
   * @param folder a fresh one with a short name: sockets lie in it
   */
  public static Lab open(Path folder) throws IOException, InterruptedException {
    Plane plane = Plane.start(folder);
    Path made = Files.createDirectories(folder.resolve("artifacts"));
    return new Lab(
        folder,
        plane,
        new TinyArtifacts(made, SigningKey.read(plane.releaseKey())),
        AgentStart.in(folder));
  }

  /**
   * The same for very many processes of agents: one carries an order out first, and the others
   * start from the JVM's cache of what it needed, as a device does.
   *
   * @param folder a fresh one with a short name: sockets lie in it
   */
  public static Lab rehearsed(Path folder) throws Exception {
    Lab lab = open(folder);
    try {
      lab.agents.rehearse(lab);
    } catch (Exception | AssertionError e) {
      lab.close();
      throw e;
    }
    return lab;
  }

  /** The same with agents that have every engine, for variants that were packaged here. */
  public static Lab withAllEngines(Path folder) throws IOException, InterruptedException {
    Lab lab = open(folder);
    lab.agents.withAllEngines();
    return lab;
  }

  /** How agents' processes start. */
  AgentStart agents() {
    return agents;
  }

  /** The control plane. */
  public Plane plane() {
    return plane;
  }

  /** A place for one more thing. */
  public Path place() {
    try {
      return Files.createDirectories(folder.resolve("s" + scenes.incrementAndGet()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The model of a version. */
  public interface Model {
    /** Its file. */
    byte[] of(long version);
  }

  /** A next version that multiplies. */
  public Artifact next() throws IOException {
    return next(TinyModels::good);
  }

  /** A next version with this model. */
  public Artifact next(Model model) throws IOException {
    return next(model, NO_LABELS);
  }

  /** A next version with this model and another blob of this content. */
  public Artifact next(Model model, byte[] labels) throws IOException {
    return next(TinyArtifacts.MODEL, model, labels);
  }

  /** A next version of a model, which rollouts can name. */
  public Artifact released(ModelName name, Model model) throws IOException {
    Artifact artifact = next(name, model, NO_LABELS);
    plane.release(new ModelVersion(name, artifact.version()), artifacts.profile(), artifact);
    return artifact;
  }

  private Artifact next(ModelName name, Model model, byte[] labels) throws IOException {
    long version = versions.incrementAndGet();
    byte[] file = model.of(version);
    OciLayout layout = artifacts.write(name, version, file, labels);
    plane.take(layout.folder());
    return Artifact.of(version, layout, file);
  }

  @Override
  public void close() {
    plane.close();
  }
}

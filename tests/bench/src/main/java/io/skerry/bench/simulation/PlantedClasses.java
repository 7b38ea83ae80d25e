package io.skerry.bench.simulation;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;

/**
 * The project's classes once more, with one changed on the way in. What other projects made is
 * shared with everybody.
 */
final class PlantedClasses extends URLClassLoader {
  private static final String OURS = "io.skerry.";

  private final PlantedFault fault;

  /**
   * @param fault {@link PlantedFault#NONE} changes nothing
   * @throws IllegalStateException if there is nothing to change: what a run would then find is not
   *     the fault
   */
  PlantedClasses(PlantedFault fault) throws IOException {
    super(classPath(), PlantedClasses.class.getClassLoader());
    this.fault = fault;
    if (!fault.type().isEmpty()) {
      changed();
    }
  }

  private byte[] changed() throws IOException {
    String file = fault.type().replace('.', '/') + ".class";
    try (InputStream in = Objects.requireNonNull(findResource(file), file).openStream()) {
      return fault.mutation().of(in.readAllBytes(), fault.type());
    }
  }

  private static URL[] classPath() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(
            entry -> {
              try {
                return Path.of(entry).toUri().toURL();
              } catch (MalformedURLException e) {
                throw new IllegalStateException(e);
              }
            })
        .toArray(URL[]::new);
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith(OURS)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> known = findLoadedClass(name);
      return known == null ? define(name) : known;
    }
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    if (!name.equals(fault.type())) {
      return findClass(name);
    }
    try {
      byte[] changed = changed();
      return defineClass(name, changed, 0, changed.length);
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
  }
}

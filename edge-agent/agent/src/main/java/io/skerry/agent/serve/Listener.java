package io.skerry.agent.serve;

import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * An address where the agent listens, who may open it, and who whoever does is taken for.
 *
 * <p>As text {@code unix:PATH[,app=NAME][,group=NAME][,mode=0660]} or {@code
 * tcp:HOST:PORT[,cert=FILE,key=FILE,clients=FILE]}.
 *
 * @param application the name of whoever comes by this address; {@link Application#UNNAMED} for
 *     none
 * @param group the file's group; the agent's own when empty
 * @param mode the file's rights; who may write may predict
 * @param tls how a port and its clients know each other; without it a port is of this machine only
 */
public record Listener(
    ListenAddress address,
    String application,
    Optional<String> group,
    Set<PosixFilePermission> mode,
    Optional<TlsFiles> tls) {
  private static final String APPLICATION = "app";
  private static final String GROUP = "group";
  private static final String MODE = "mode";
  private static final String CERTIFICATE = "cert";
  private static final String KEY = "key";
  private static final String CLIENTS = "clients";
  private static final List<String> SOCKET = List.of(APPLICATION, GROUP, MODE);
  private static final List<String> TLS = List.of(CERTIFICATE, KEY, CLIENTS);

  private static final Set<PosixFilePermission> USUAL =
      PosixFilePermissions.fromString("rw-rw----");
  private static final Set<PosixFilePermission> POSSIBLE =
      PosixFilePermissions.fromString("rw-rw-rw-");

  /**
   * Checks that name and rights fit the address.
   *
   * @throws IllegalArgumentException if the name is none, or a port is to have one: everybody on
   *     this machine may open a port
   */
  public Listener {
    if (!application.isEmpty() && !Application.isName(application)) {
      throw new IllegalArgumentException(
          "'%s' is no name of an application: use 1 to 63 of A-Z, a-z, 0-9, '_', '-', a letter or digit first"
              .formatted(application));
    }
    if (address instanceof ListenAddress.Tcp && !application.isEmpty()) {
      throw new IllegalArgumentException(
          "%s cannot be application '%s': whoever calls may be any; give it a Unix socket, or certificates"
              .formatted(address, application));
    }
    mode = Set.copyOf(mode);
  }

  /** Without a name, with the usual rights. */
  public static Listener of(ListenAddress address) {
    return new Listener(address, Application.UNNAMED, Optional.empty(), USUAL, Optional.empty());
  }

  /** The same at another address. */
  Listener at(ListenAddress other) {
    return new Listener(other, application, group, mode, tls);
  }

  /**
   * Reads the text form.
   *
   * @throws IllegalArgumentException if it has another form
   */
  public static Listener parse(String text) {
    String[] parts = text.split(",", -1);
    ListenAddress address = ListenAddress.parse(parts[0]);
    Map<String, String> options = new LinkedHashMap<>();
    for (int i = 1; i < parts.length; i++) {
      int equals = parts[i].indexOf('=');
      String name = equals < 0 ? parts[i] : parts[i].substring(0, equals);
      List<String> known = address instanceof ListenAddress.Tcp ? TLS : SOCKET;
      if (!known.contains(name)) {
        throw new IllegalArgumentException(
            "'%s' of '%s' is not known: %s may be followed by %s="
                .formatted(
                    name,
                    text,
                    known == TLS ? "a port" : "a Unix socket",
                    String.join("=, ", known)));
      }
      String value = equals < 0 ? "" : parts[i].substring(equals + 1);
      if (value.isEmpty() || options.put(name, value) != null) {
        throw new IllegalArgumentException("'%s' needs one value for '%s'".formatted(text, name));
      }
    }
    return new Listener(
        address,
        options.getOrDefault(APPLICATION, Application.UNNAMED),
        Optional.ofNullable(options.get(GROUP)),
        options.containsKey(MODE) ? mode(options.get(MODE)) : USUAL,
        tls(text, options));
  }

  private static Optional<TlsFiles> tls(String text, Map<String, String> options) {
    List<String> given = TLS.stream().filter(options::containsKey).toList();
    if (given.isEmpty()) {
      return Optional.empty();
    }
    if (given.size() < TLS.size()) {
      throw new IllegalArgumentException(
          "'%s' needs %s= together: a port that is reached from elsewhere asks its clients for certificates"
              .formatted(text, String.join("=, ", TLS)));
    }
    return Optional.of(
        new TlsFiles(
            Path.of(options.get(CERTIFICATE)),
            Path.of(options.get(KEY)),
            Path.of(options.get(CLIENTS))));
  }

  /**
   * Refuses listeners that cannot be at the same time.
   *
   * @throws IllegalArgumentException if there is none, or an address comes twice
   */
  public static void requireDistinct(List<Listener> listeners) {
    if (listeners.isEmpty()) {
      throw new IllegalArgumentException("an agent needs an address to listen on");
    }
    Set<Object> seen = new HashSet<>();
    for (Listener listener : listeners) {
      Object place =
          switch (listener.address()) {
            case ListenAddress.Unix unix -> unix.path().toAbsolutePath().normalize();
            case ListenAddress.Tcp tcp -> tcp.port() == 0 ? new Object() : tcp;
          };
      if (!seen.add(place)) {
        throw new IllegalArgumentException("%s is given twice".formatted(listener.address()));
      }
    }
  }

  private static Set<PosixFilePermission> mode(String text) {
    if (!text.matches("0?[0-7]{3}")) {
      throw wrongMode(text);
    }
    int bits = Integer.parseInt(text, 8);
    Set<PosixFilePermission> mode = EnumSet.noneOf(PosixFilePermission.class);
    PosixFilePermission[] all = PosixFilePermission.values();
    for (int i = 0; i < all.length; i++) {
      // The enum lists what the bits mean, the highest bit first.
      if ((bits & (1 << (all.length - 1 - i))) != 0) {
        mode.add(all[i]);
      }
    }
    if (!POSSIBLE.containsAll(mode) || !mode.contains(PosixFilePermission.OWNER_WRITE)) {
      throw wrongMode(text);
    }
    return mode;
  }

  private static IllegalArgumentException wrongMode(String text) {
    return new IllegalArgumentException(
        "'%s' is no mode of a socket: 0600, 0660 or 0666, or another that the owner may write and nobody may execute"
            .formatted(text));
  }

  @Override
  public String toString() {
    String whose = tls.isPresent() ? "certificates" : application;
    return whose.isEmpty() ? address.toString() : "%s (%s)".formatted(address, whose);
  }
}

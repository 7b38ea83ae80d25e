package io.skerry.control.access;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** On which of the server's ports an endpoint answers; without it, on the console's only. */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE})
public @interface OnPort {
  /** The ports. */
  Port[] value();

  /** A port of the server. */
  enum Port {
    /** For people and programs that operate the fleet. */
    CONSOLE,
    /** For devices: HTTPS, known by their certificates. */
    DEVICES
  }
}

package io.skerry.control.access;

import io.micronaut.core.convert.ArgumentConversionContext;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.bind.binders.TypedRequestArgumentBinder;
import jakarta.inject.Singleton;

/** Gives endpoints that ask for a {@link Role} the one of the user who calls. */
@Singleton
final class RoleBinder implements TypedRequestArgumentBinder<Role> {
  @Override
  public Argument<Role> argumentType() {
    return Argument.of(Role.class);
  }

  @Override
  public BindingResult<Role> bind(ArgumentConversionContext<Role> context, HttpRequest<?> source) {
    return () -> source.getAttribute(AccessFilter.ROLE, Role.class);
  }
}

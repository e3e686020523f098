//! The macro that declares structs.

/// Declares structs that travel as gob.
///
/// ```
/// use mmp_gob::{GoString, Ptr, gob_struct};
///
/// gob_struct! {
///     /// A person.
///     pub struct Person("Person") {
///         /// What others call them.
///         name: GoString = "Name",
///         /// In years.
///         age: i64 = "Age",
///         /// The other half.
///         partner: Ptr<Person> = "Partner",
///     }
/// }
/// let ann = Person { name: "Ann".into(), ..Person::default() };
/// assert_eq!(ann.age, 0);
/// ```
///
/// The strings are Go's names of the type and of the fields. The fields are public; the struct implements `Debug`, `Clone`, `Default`, `PartialEq` and
/// [`GobStruct`](crate::GobStruct).
#[macro_export]
macro_rules! gob_struct {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident ($wire:literal) {
        $($(#[$field_meta:meta])* $field:ident : $ty:ty = $field_wire:literal),* $(,)?
    })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        $vis struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
        }

        impl $crate::GobStruct for $name {
            const NAME: &'static str = $wire;
            const FIELDS: &'static [$crate::Field] = &[$($crate::Field::new::<$ty>($field_wire)),*];

            fn visit(&self, f: &mut $crate::Visit<'_>) -> ::core::result::Result<(), $crate::Error> {
                f(&[$(&self.$field),*])
            }

            fn visit_mut(&mut self, f: &mut $crate::VisitMut<'_>) -> ::core::result::Result<(), $crate::Error> {
                f(&mut [$(&mut self.$field),*])
            }
        }
    )+};
}

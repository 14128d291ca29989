//! Enums whose values have words of their own.

/// Declares an enum with the words of each value beside it, and the method that gives them. Of a `named enum` they are its
/// names in JSON, too, and `ALL` lists the values.
#[macro_export]
macro_rules! worded {
    (
        $(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$about:meta])* $value:ident = $words:literal,)* }
        $(#[$doc:meta])* fn $method:ident
    ) => {
        $(#[$meta])*
        $vis enum $name { $($(#[$about])* $value,)* }

        impl $name {
            $(#[$doc])*
            $vis fn $method(self) -> &'static str {
                match self { $(Self::$value => $words),* }
            }
        }
    };
    (
        $(#[$meta:meta])* $vis:vis named enum $name:ident { $($(#[$about:meta])* $value:ident = $words:literal,)* }
        $(#[$doc:meta])* fn $method:ident
    ) => {
        $crate::worded! {
            $(#[$meta])*
            $vis enum $name { $($(#[$about])* #[serde(rename = $words)] $value = $words,)* }
            $(#[$doc])* fn $method
        }

        impl $name {
            /// Every value, in order.
            $vis const ALL: &[Self] = &[$(Self::$value),*];
        }
    };
}

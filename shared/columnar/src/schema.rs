//! The columns of a class as Parquet's schema.

use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type as ParquetType, TypePtr};

use crate::columns::{Class, Member, Node, Shape, Type};

pub(crate) fn schema(class: &Class) -> Result<TypePtr, ParquetError> {
    let fields = fields(&class.members)?;
    let root = ParquetType::group_type_builder(class.name).with_fields(fields);
    Ok(Arc::new(root.build()?))
}

fn fields(members: &[Member]) -> Result<Vec<TypePtr>, ParquetError> {
    members
        .iter()
        .map(|member| field(member.name, &member.node))
        .collect()
}

/// Everything is optional, and a list is a group of a repeated group named `list` of an `element`, as the format's
/// specification has it.
fn field(name: &str, node: &Node) -> Result<TypePtr, ParquetError> {
    let built = match &node.shape {
        Shape::Leaf(of) => {
            let (physical, logical) = types(*of);
            ParquetType::primitive_type_builder(name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(logical)
                .build()
        }
        Shape::Object(members) => ParquetType::group_type_builder(name)
            .with_repetition(Repetition::OPTIONAL)
            .with_fields(fields(members)?)
            .build(),
        Shape::List(element) => {
            let repeated = ParquetType::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![field("element", element)?])
                .build()?;
            ParquetType::group_type_builder(name)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(Some(LogicalType::List))
                .with_converted_type(ConvertedType::LIST)
                .with_fields(vec![Arc::new(repeated)])
                .build()
        }
    };
    Ok(Arc::new(built?))
}

fn types(of: Type) -> (Physical, Option<LogicalType>) {
    match of {
        Type::Int => (Physical::INT32, None),
        Type::Long => (Physical::INT64, None),
        Type::Time => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
        ),
        Type::Bool => (Physical::BOOLEAN, None),
        Type::Float => (Physical::DOUBLE, None),
        // JSON as plain text: not every engine knows Parquet's JSON type.
        Type::String | Type::Json => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    }
}
